//! Numbers of an order, read exactly as decimals and judged by their value: `950.0`, `1e3` and
//! `-0` are 950, 1000 and 0.

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::schemas;
use crate::api::reader::{FromJson, Reader};
use crate::domain::MAX_ID;
use crate::domain::event::EventId;
use crate::domain::money::{Amount, MAX_AMOUNT, Milli, NotMilli};
use crate::error::Problem;

/// Most decimals of a quantity or a rate.
const DECIMALS: u32 = 3;
/// 99999.999
const MAX_QUANTITY: Milli = Milli::of_thousandths(99_999_999);
const MAX_TAX_RATE: Milli = Milli::of_thousandths(100_000);

/// An amount of zero or more, zero where it is absent or null.
#[derive(Debug)]
pub struct Units(pub Amount);

/// An amount above zero.
#[derive(Debug)]
pub struct SomeUnits(pub Amount);

/// An amount, or none.
#[derive(Debug)]
pub struct OptionalUnits(pub Option<Amount>);

/// Above zero; one where it is absent or null.
#[derive(Debug)]
pub struct Quantity(pub Milli);

/// In percent; zero where it is absent or null.
#[derive(Debug)]
pub struct TaxRate(pub Milli);

/// The id of a user, or none.
#[derive(Debug)]
pub struct OptionalId(pub Option<u64>);

/// The id of an event, or 0 ahead of the first.
#[derive(Clone, Copy, Debug)]
pub struct Position(pub EventId);

impl FromJson for Position {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Position> {
        integer(value, reader, 0, MAX_ID).map(|id| Position(EventId(id)))
    }

    fn describe() -> RefOr<Schema> {
        schemas::position()
    }
}

impl FromJson for Units {
    fn absent() -> Option<Units> {
        Some(Units(Amount::ZERO))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Units> {
        match value {
            Value::Null => Units::absent(),
            value => amount(value, reader, 0).map(Units),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::integer(0, MAX_AMOUNT))
    }
}

impl FromJson for SomeUnits {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<SomeUnits> {
        amount(value, reader, 1).map(SomeUnits)
    }

    fn describe() -> RefOr<Schema> {
        schemas::integer(1, MAX_AMOUNT).into()
    }
}

impl FromJson for OptionalUnits {
    fn absent() -> Option<OptionalUnits> {
        Some(OptionalUnits(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<OptionalUnits> {
        match value {
            Value::Null => OptionalUnits::absent(),
            value => amount(value, reader, 0).map(|amount| OptionalUnits(Some(amount))),
        }
    }

    fn describe() -> RefOr<Schema> {
        Units::describe()
    }
}

impl FromJson for OptionalId {
    fn absent() -> Option<OptionalId> {
        Some(OptionalId(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<OptionalId> {
        match value {
            Value::Null => OptionalId::absent(),
            value => integer(value, reader, 1, MAX_ID).map(|id| OptionalId(Some(id))),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::integer(1, MAX_ID))
    }
}

impl FromJson for Quantity {
    fn absent() -> Option<Quantity> {
        Some(Quantity(Milli::ONE))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Quantity> {
        if value.is_null() {
            return Quantity::absent();
        }
        match milli(value, reader)? {
            Ok(zero) if zero == Milli::default() => {
                reader.fault(Problem::NotAbove { bound: 0 }, value)
            }
            Ok(quantity) if quantity <= MAX_QUANTITY => Some(Quantity(quantity)),
            Err(NotMilli::Negative) => reader.fault(Problem::NotAbove { bound: 0 }, value),
            Err(NotMilli::TooManyDecimals) => reader.fault(TOO_MANY_DECIMALS, value),
            Ok(_) | Err(NotMilli::TooLarge) => {
                reader.fault(Problem::AboveDecimal { max: "99999.999" }, value)
            }
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::decimal(0.001, 99_999.999))
    }
}

impl FromJson for TaxRate {
    fn absent() -> Option<TaxRate> {
        Some(TaxRate(Milli::default()))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<TaxRate> {
        if value.is_null() {
            return TaxRate::absent();
        }
        match milli(value, reader)? {
            Ok(rate) if rate <= MAX_TAX_RATE => Some(TaxRate(rate)),
            Err(NotMilli::Negative) => reader.fault(Problem::Below { min: 0 }, value),
            Err(NotMilli::TooManyDecimals) => reader.fault(TOO_MANY_DECIMALS, value),
            Ok(_) | Err(NotMilli::TooLarge) => reader.fault(Problem::Above { max: 100 }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::decimal(0.0, 100.0))
    }
}

const TOO_MANY_DECIMALS: Problem = Problem::TooManyDecimals { max: DECIMALS };

fn milli(value: &Value, reader: &mut Reader<'_>) -> Option<Result<Milli, NotMilli>> {
    match value {
        Value::Number(number) => Some(Milli::parse(&plain(&reader.literal(number)))),
        other => reader.fault(Problem::NotADecimal, other),
    }
}

fn amount(value: &Value, reader: &mut Reader<'_>, least: u64) -> Option<Amount> {
    integer(value, reader, least, MAX_AMOUNT).and_then(Amount::new)
}

fn integer(value: &Value, reader: &mut Reader<'_>, least: u64, most: u64) -> Option<u64> {
    let Value::Number(number) = value else {
        return reader.fault(Problem::NotAnInteger { is_text: false }, value);
    };
    match whole(&plain(&reader.literal(number)), least, most) {
        Ok(integer) => Some(integer),
        Err(problem) => reader.fault(problem, value),
    }
}

/// Reads what [`plain`] gives.
fn whole(text: &str, least: u64, most: u64) -> Result<u64, Problem> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.bytes().any(|digit| digit != b'0') {
        return Err(Problem::Fraction);
    }
    let digits = whole.trim_start_matches('-');
    let is_zero = digits.bytes().all(|digit| digit == b'0');
    match digits.parse() {
        Ok(integer) if (least..=most).contains(&integer) && (is_zero || digits == whole) => {
            Ok(integer)
        }
        Ok(small) if small < least => Err(Problem::Below { min: least as i64 }),
        _ if digits != whole => Err(Problem::Below { min: least as i64 }),
        _ => Err(Problem::Above { max: most as i64 }),
    }
}

/// A JSON number without its exponent: `1e3` as `1000.`, `-1.5E-2` as `-0.015`.
fn plain(literal: &str) -> String {
    let Some((mantissa, exponent)) = literal.split_once(['e', 'E']) else {
        return literal.to_owned();
    };
    // What is further away than any bound, and than all digits reach, may as well be there.
    let farthest = 400 + mantissa.len() as i32;
    let exponent = match exponent.trim_start_matches('+').parse::<i32>() {
        Ok(exponent) => exponent.clamp(-farthest, farthest),
        Err(_) if exponent.starts_with('-') => -farthest,
        Err(_) => farthest,
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let point = whole.len() as i32 + exponent;
    let digits = format!("{whole}{decimals}");
    if point <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    let digits = format!("{digits:0<width$}", width = point as usize);
    let (whole, decimals) = digits.split_at(point as usize);
    format!("{sign}{whole}.{decimals}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponent_moves_the_point() {
        for (literal, expected) in [
            ("950", "950"),
            ("-0.5", "-0.5"),
            ("1e3", "1000."),
            ("1.5E+2", "150."),
            ("-1.5e-2", "-0.015"),
            ("12.345e1", "123.45"),
            ("1e-99999999999", &format!("0.{}1", "0".repeat(400))),
        ] {
            assert_eq!(plain(literal), expected, "{literal}");
        }
        assert_eq!(plain("1e99999999999").len(), 403);
        let long = format!("1{}e-500", "0".repeat(500));
        assert_eq!(plain(&long), format!("1.{}", "0".repeat(500)));
    }

    #[test]
    fn an_integer_is_judged_by_its_value() {
        for (text, expected) in [("0", 0), ("-0", 0), ("-0.0", 0), ("950.00", 950), ("0999", 999)] {
            assert_eq!(whole(text, 0, 999), Ok(expected), "{text}");
        }
        assert_eq!(whole("1.5", 0, 999), Err(Problem::Fraction));
        assert_eq!(whole("-1", 0, 999), Err(Problem::Below { min: 0 }));
        assert_eq!(whole("-99999999999999999999", 0, 999), Err(Problem::Below { min: 0 }));
        assert_eq!(whole("0", 1, 999), Err(Problem::Below { min: 1 }));
        assert_eq!(whole("-0", 1, 999), Err(Problem::Below { min: 1 }));
        assert_eq!(whole("1000", 0, 999), Err(Problem::Above { max: 999 }));
        assert_eq!(whole("99999999999999999999", 0, 999), Err(Problem::Above { max: 999 }));
    }
}
