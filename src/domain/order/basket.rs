//! What is ordered: lines with prices.

use crate::domain::Currency;
use crate::domain::money::{Amount, Milli};

/// What is ordered. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// Absent only where every price is zero.
    pub currency: Option<Currency>,
    pub prices_include_tax: bool,
    /// 1 to 100.
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub sku: Option<String>,
    /// Above zero.
    pub quantity: Milli,
    pub unit: Option<String>,
    pub unit_price: Amount,
    /// At most the line's subtotal.
    pub discount: Amount,
    /// Percent, at most 100.
    pub tax_rate: Milli,
    pub note: Option<String>,
}

impl Line {
    /// One of it, for nothing.
    pub fn named(name: &str) -> Line {
        Line {
            name: name.to_owned(),
            sku: None,
            quantity: Milli::ONE,
            unit: None,
            unit_price: Amount::ZERO,
            discount: Amount::ZERO,
            tax_rate: Milli::default(),
            note: None,
        }
    }
}
