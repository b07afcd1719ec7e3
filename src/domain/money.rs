//! Money and the numbers that it is reckoned with, all exact.

use std::fmt;

/// The largest amount, in minor units: a double holds every amount up to it.
pub const MAX_AMOUNT: u64 = 999_999_999_999;

/// An amount in the minor units of a currency (cents), at most [`MAX_AMOUNT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

/// A number with at most three decimals, in thousandths: a quantity, or a tax rate in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Milli(u32);

/// Why a text is not a [`Milli`], or a number not one of those wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMilli {
    TooManyDecimals,
    Negative,
    TooLarge,
}

impl Amount {
    pub const ZERO: Amount = Amount(0);

    /// `None` above [`MAX_AMOUNT`].
    pub fn new(minor_units: u64) -> Option<Amount> {
        (minor_units <= MAX_AMOUNT).then_some(Amount(minor_units))
    }

    /// `None` below zero and above [`MAX_AMOUNT`].
    pub fn of_wide(minor_units: i128) -> Option<Amount> {
        u64::try_from(minor_units).ok().and_then(Amount::new)
    }

    /// In minor units.
    pub fn get(self) -> u64 {
        self.0
    }

    pub fn wide(self) -> i128 {
        i128::from(self.0)
    }

    /// The difference, or zero where `other` is larger.
    pub fn less(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }
}

impl Milli {
    pub const ONE: Milli = Milli(1000);

    pub const fn of_thousandths(thousandths: u32) -> Milli {
        Milli(thousandths)
    }

    pub fn thousandths(self) -> u32 {
        self.0
    }

    pub fn wide(self) -> i128 {
        i128::from(self.0)
    }

    /// Reads `-0`, `12`, `0.125`, `1.5000`: digits, and behind a point more of them. The value
    /// counts, not how it is written.
    ///
    /// # Errors
    /// It is below zero, has more than three decimals, or is too large for the type.
    pub fn parse(text: &str) -> Result<Milli, NotMilli> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = decimals.trim_end_matches('0');
        let is_zero = decimals.is_empty() && whole.bytes().all(|digit| digit == b'0');
        if sign == "-" && !is_zero {
            return Err(NotMilli::Negative);
        }
        if decimals.len() > 3 {
            return Err(NotMilli::TooManyDecimals);
        }
        let thousandths = format!("{}{decimals:0<3}", whole.trim_start_matches('0'));
        thousandths.parse().map(Milli).map_err(|_| NotMilli::TooLarge)
    }
}

/// Without needless decimals: `2`, `1.5`.
impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / 1000, self.0 % 1000);
        if thousandths == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{thousandths:03}").trim_end_matches('0'))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `numerator / denominator`, rounded half up. Neither is negative, and the denominator is not
/// zero.
pub fn round_half_up(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator) / (2 * denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_judged_by_its_value() {
        for (text, thousandths) in [
            ("0", 0),
            ("-0", 0),
            ("-0.000", 0),
            ("2", 2000),
            ("0.125", 125),
            ("1.5000", 1500),
            ("007.1", 7100),
        ] {
            assert_eq!(Milli::parse(text), Ok(Milli(thousandths)), "{text}");
        }
        for (text, why) in [
            ("-1", NotMilli::Negative),
            ("-0.0001", NotMilli::Negative),
            ("1.0005", NotMilli::TooManyDecimals),
            ("1.00000000000000000001", NotMilli::TooManyDecimals),
            ("4294968", NotMilli::TooLarge),
            ("99999999999999999999999999", NotMilli::TooLarge),
        ] {
            assert_eq!(Milli::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_number_prints_without_needless_decimals() {
        let printed = [0, 1000, 1500, 1250, 1, 12_340].map(|it| Milli(it).to_string());
        assert_eq!(printed, ["0", "1", "1.5", "1.25", "0.001", "12.34"]);
    }

    #[test]
    fn halves_go_up() {
        let rounded =
            [(0, 3), (1, 3), (1, 2), (2, 3), (5, 2), (7, 2)].map(|(n, d)| round_half_up(n, d));
        assert_eq!(rounded, [0, 0, 1, 1, 3, 4]);
    }
}
