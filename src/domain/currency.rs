//! Currencies, by their codes.

use std::fmt;

/// Codes by the number of decimals of their minor units: the active currencies of ISO 4217, list
/// one of 2026-01-01, which six-group.com publishes for the ISO. Metals, funds, units of account
/// and codes for testing are left out.
const ACTIVE: [(u8, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
         CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
         GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL \
         MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN \
         PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
         SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

/// Decimals of a code that is not in the list any more.
const USUAL_DECIMALS: u8 = 2;

/// Three upper-case letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// `None` unless it is the code of an active currency.
    pub fn parse(code: &str) -> Option<Currency> {
        let currency = Currency::stored(code)?;
        currency.listed_decimals().map(|_| currency)
    }

    /// A code that was active when it was stored; it may be withdrawn by now. `None` unless it is
    /// three upper-case letters.
    pub fn stored(code: &str) -> Option<Currency> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Currency(letters))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals an amount has in the currency's major unit: 2 for EUR, none for JPY.
    pub fn decimals(self) -> u8 {
        self.listed_decimals().unwrap_or(USUAL_DECIMALS)
    }

    fn listed_decimals(self) -> Option<u8> {
        let holds = |codes: &str| codes.split(' ').any(|code| code == self.as_str());
        ACTIVE.iter().find(|(_, codes)| holds(codes)).map(|(decimals, _)| *decimals)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_codes_are_known_with_their_decimals() {
        for (code, decimals) in [("EUR", 2), ("JPY", 0), ("KWD", 3), ("XCG", 2), ("ZWG", 2)] {
            assert_eq!(Currency::parse(code).unwrap().decimals(), decimals, "{code}");
        }
    }

    #[test]
    fn other_codes_are_not() {
        // Lower case, withdrawn, metal, fund, unit of account, test code, none.
        for code in ["eur", "DEM", "HRK", "BGN", "XAU", "CHW", "XDR", "XTS", "XXX", "EU", "", "E R"]
        {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }

    #[test]
    fn a_code_that_was_withdrawn_is_still_read_from_the_store() {
        assert_eq!(Currency::stored("HRK").unwrap().decimals(), 2);
        assert_eq!(Currency::stored("hrk"), None);
    }

    #[test]
    fn the_list_is_whole() {
        let codes: Vec<&str> = ACTIVE.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert_eq!(codes.len(), 155);
        assert!(codes.iter().all(|code| Currency::stored(code).is_some()));
    }
}
