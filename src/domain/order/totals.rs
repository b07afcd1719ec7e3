//! The arithmetic of an order: exact, and rounded once for each figure of a line. An order's
//! figures are sums of its lines' rounded figures, so that the lines always add up.

use super::basket::{Basket, Line};
use crate::domain::money::{Amount, round_half_up};

/// The figures of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineTotals {
    /// Price times quantity, before the discount.
    pub subtotal: Amount,
    pub tax: Amount,
    pub total: Amount,
}

/// The figures of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub subtotal: Amount,
    pub discount: Amount,
    pub tax: Amount,
    pub total: Amount,
}

/// A figure is above [`MAX_AMOUNT`](crate::domain::money::MAX_AMOUNT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalsOverflow {
    /// A figure of the line at this index.
    Line(usize),
    /// A sum of all lines.
    Order,
}

impl Line {
    /// `unit_price` times `quantity`, rounded half up; `None` where it is too large.
    pub fn subtotal(&self) -> Option<Amount> {
        Amount::of_wide(round_half_up(self.unit_price.wide() * self.quantity.wide(), 1000))
    }

    /// `None` where a figure is too large, or the discount larger than the subtotal.
    pub fn totals(&self, prices_include_tax: bool) -> Option<LineTotals> {
        // Percent in thousandths: so much is one whole.
        const WHOLE: i128 = 100 * 1000;
        let subtotal = self.subtotal()?;
        let net = Amount::of_wide(subtotal.wide() - self.discount.wide())?.wide();
        let rate = self.tax_rate.wide();
        let (tax, total) = match prices_include_tax {
            true => (round_half_up(net * rate, WHOLE + rate), net),
            false => {
                let tax = round_half_up(net * rate, WHOLE);
                (tax, net + tax)
            }
        };
        let (tax, total) = (Amount::of_wide(tax)?, Amount::of_wide(total)?);
        Some(LineTotals { subtotal, tax, total })
    }
}

impl Basket {
    /// The figures of each line, and their sums.
    ///
    /// # Errors
    /// The first figure that is too large.
    pub fn totals(&self) -> Result<(Vec<LineTotals>, Totals), TotalsOverflow> {
        let lines = self.lines.iter().enumerate().map(|(index, line)| {
            line.totals(self.prices_include_tax).ok_or(TotalsOverflow::Line(index))
        });
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let sum = |figures: &mut dyn Iterator<Item = Amount>| {
            Amount::of_wide(figures.map(Amount::wide).sum()).ok_or(TotalsOverflow::Order)
        };
        let totals = Totals {
            subtotal: sum(&mut lines.iter().map(|line| line.subtotal))?,
            discount: sum(&mut self.lines.iter().map(|line| line.discount))?,
            tax: sum(&mut lines.iter().map(|line| line.tax))?,
            total: sum(&mut lines.iter().map(|line| line.total))?,
        };
        Ok((lines, totals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{MAX_AMOUNT, Milli};

    fn line(unit_price: u64, quantity: u32, discount: u64, tax_rate: u32) -> Line {
        Line {
            unit_price: Amount::new(unit_price).unwrap(),
            quantity: Milli::of_thousandths(quantity),
            discount: Amount::new(discount).unwrap(),
            tax_rate: Milli::of_thousandths(tax_rate),
            ..Line::named("a")
        }
    }

    fn figures(line: &Line, prices_include_tax: bool) -> [u64; 3] {
        let LineTotals { subtotal, tax, total } = line.totals(prices_include_tax).unwrap();
        [subtotal, tax, total].map(Amount::get)
    }

    #[test]
    fn tax_is_in_the_price_or_on_top_of_it() {
        let margherita = line(950, 2000, 0, 7000);
        assert_eq!(figures(&margherita, true), [1900, 124, 1900]);
        assert_eq!(figures(&margherita, false), [1900, 133, 2033]);
        assert_eq!(figures(&line(1000, 500, 100, 19_000), false), [500, 76, 476]);
    }

    #[test]
    fn every_figure_is_rounded_half_up() {
        // 333 × 1.5 = 499.5; 500 × 0.1 % = 0.5.
        assert_eq!(figures(&line(333, 1500, 0, 100), false), [500, 1, 501]);
    }

    #[test]
    fn the_order_is_the_sum_of_rounded_lines() {
        let lines = vec![line(333, 1500, 0, 7000); 3];
        let basket = Basket { currency: None, prices_include_tax: false, lines };
        let (lines, totals) = basket.totals().unwrap();
        assert_eq!(totals.tax.get(), 3 * lines[0].tax.get());
        assert_eq!(totals.total.get(), 3 * 535);
    }

    #[test]
    fn what_is_too_large_has_no_figures() {
        let largest = line(MAX_AMOUNT, 1000, 0, 0);
        assert_eq!(figures(&largest, false), [MAX_AMOUNT, 0, MAX_AMOUNT]);
        assert_eq!(line(MAX_AMOUNT, 1001, 0, 0).subtotal(), None);
        assert_eq!(line(MAX_AMOUNT, 1000, 0, 1).totals(false), None);
        assert_eq!(line(MAX_AMOUNT, 99_999_999, 0, 0).subtotal(), None);
        assert_eq!(line(10, 1000, 11, 0).totals(false), None);
        let both = |lines| Basket { currency: None, prices_include_tax: false, lines };
        let small = line(0, 1000, 0, 0);
        let over = both(vec![small.clone(), line(MAX_AMOUNT, 1001, 0, 0)]);
        assert_eq!(over.totals().unwrap_err(), TotalsOverflow::Line(1));
        let over = both(vec![largest.clone(), small, line(1, 1000, 0, 0)]);
        assert_eq!(over.totals().unwrap_err(), TotalsOverflow::Order);
    }

    /// A second way to compute: fractions, compared by cross-multiplying instead of by dividing.
    #[test]
    fn random_lines_agree_with_fractions() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        // The integer that lies nearest to the fraction; a half belongs to the larger one.
        let is_nearest = |figure: i128, (numerator, denominator): (i128, i128)| {
            let twice = 2 * figure * denominator;
            twice - denominator <= 2 * numerator && 2 * numerator < twice + denominator
        };
        for round in 0..20_000 {
            let digits = random(12) as u32 + 1;
            let price = random(10_u64.pow(digits));
            let quantity = random(99_999_999) as u32 + 1;
            let mut line = line(price, quantity, 0, random(100_001) as u32);
            let Some(subtotal) = line.subtotal() else { continue };
            line.discount = Amount::new(random(subtotal.get() + 1)).unwrap();
            let (net, rate) = (subtotal.wide() - line.discount.wide(), line.tax_rate.wide());
            assert!(is_nearest(subtotal.wide(), (i128::from(price) * i128::from(quantity), 1000)));
            let inside = line.totals(true).unwrap();
            assert!(
                is_nearest(inside.tax.wide(), (net * rate, 100_000 + rate)),
                "{round} {line:?}"
            );
            assert_eq!(inside.total.wide(), net);
            let Some(on_top) = line.totals(false) else { continue };
            assert!(is_nearest(on_top.tax.wide(), (net * rate, 100_000)), "{round} {line:?}");
            assert_eq!(on_top.total.wide(), net + on_top.tax.wide());
        }
    }
}
