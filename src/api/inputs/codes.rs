//! Codes of currencies and countries; none where they are absent, null or empty.

use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::schemas;
use crate::api::reader::{FromJson, Reader};
use crate::domain::{Country, Currency};
use crate::error::Problem;

/// The currency of an order. It must be there where a line has a price.
#[derive(Debug)]
pub struct OptionalCurrency(pub Option<Currency>);

#[derive(Debug)]
pub struct OptionalCountry(pub Option<Country>);

impl FromJson for OptionalCurrency {
    fn absent() -> Option<OptionalCurrency> {
        Some(OptionalCurrency(None))
    }

    fn absent_in(order: &Map<String, Value>) -> Option<OptionalCurrency> {
        if costs(order) { None } else { OptionalCurrency::absent() }
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<OptionalCurrency> {
        let reason = "Input should be an active ISO 4217 code, in upper case";
        code(value, reader, Currency::parse, reason).map(OptionalCurrency)
    }

    fn read_in(
        value: &Value,
        order: &Map<String, Value>,
        reader: &mut Reader<'_>,
    ) -> Option<OptionalCurrency> {
        match OptionalCurrency::read(value, reader)? {
            OptionalCurrency(None) if costs(order) => reader.fault(Problem::Missing, value),
            currency => Some(currency),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::code("^([A-Z]{3})?$", "ISO 4217, an active one"))
    }
}

impl FromJson for OptionalCountry {
    fn absent() -> Option<OptionalCountry> {
        Some(OptionalCountry(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<OptionalCountry> {
        let reason = "Input should be an ISO 3166-1 alpha-2 code, in upper case";
        code(value, reader, Country::parse, reason).map(OptionalCountry)
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::code("^([A-Z]{2})?$", "ISO 3166-1 alpha-2"))
    }
}

fn code<T>(
    value: &Value,
    reader: &mut Reader<'_>,
    parse: fn(&str) -> Option<T>,
    reason: &str,
) -> Option<Option<T>> {
    if value.is_null() {
        return Some(None);
    }
    reader.parsed(value, |text| match text.trim() {
        "" => Ok(None),
        code => match parse(code) {
            Some(code) => Ok(Some(code)),
            None => Err(Problem::Value { reason: reason.to_owned() }),
        },
    })
}

/// Whether a line of the order, as it came, has a price. It needs a currency then.
fn costs(order: &Map<String, Value>) -> bool {
    let lines = order.get("line_items").and_then(Value::as_array);
    let has_price = |line: &Value| line["unit_price"].as_f64().is_some_and(|price| price > 0.0);
    lines.is_some_and(|lines| lines.iter().any(has_price))
}
