//! Money as people read it.

use crate::domain::Currency;
use crate::domain::money::Amount;

/// `12.34 EUR`, `1234 JPY`, `1.234 KWD`: as many decimals as the currency has, behind a point in
/// every language, as in a price list. The blank doesn't break.
pub fn show(amount: Amount, currency: Currency) -> String {
    let minor_units = amount.get();
    let decimals = usize::from(currency.decimals());
    let whole = 10_u64.saturating_pow(u32::from(currency.decimals()));
    let (major, minor) = (minor_units / whole, minor_units % whole);
    match decimals {
        0 => format!("{major}\u{a0}{currency}"),
        _ => format!("{major}.{minor:0decimals$}\u{a0}{currency}"),
    }
}

/// The amount with a minus sign.
pub fn show_negative(amount: Amount, currency: Currency) -> String {
    format!("\u{2212}{}", show(amount, currency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::MAX_AMOUNT;

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        let shown = |minor_units: u64, code: &str| {
            let amount = Amount::new(minor_units).unwrap();
            show(amount, Currency::parse(code).unwrap()).replace('\u{a0}', " ")
        };
        assert_eq!(shown(1234, "EUR"), "12.34 EUR");
        assert_eq!(shown(5, "EUR"), "0.05 EUR");
        assert_eq!(shown(0, "EUR"), "0.00 EUR");
        assert_eq!(shown(1234, "JPY"), "1234 JPY");
        assert_eq!(shown(0, "JPY"), "0 JPY");
        assert_eq!(shown(1234, "KWD"), "1.234 KWD");
        assert_eq!(shown(34, "KWD"), "0.034 KWD");
        assert_eq!(shown(MAX_AMOUNT, "USD"), "9999999999.99 USD");
    }

    #[test]
    fn a_currency_that_was_withdrawn_still_shows_its_amounts() {
        let kuna = Currency::stored("HRK").unwrap();
        assert_eq!(show(Amount::new(100).unwrap(), kuna), "1.00\u{a0}HRK");
        assert_eq!(show_negative(Amount::new(100).unwrap(), kuna), "\u{2212}1.00\u{a0}HRK");
    }
}
