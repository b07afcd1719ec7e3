//! What an order is made of, as clients send it: lines, customer, fulfilment, metadata.

use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::body::body;
use super::inputs::codes::OptionalCountry;
use super::inputs::moments::OptionalMoment;
use super::inputs::numbers::{Quantity, TaxRate, Units};
use super::inputs::text::{Line as LineText, OptionalEmail, OptionalLine, OptionalNote};
use super::openapi::{order_schemas, schemas as small};
use super::reader::{FromJson, Reader};
use crate::domain::money::MAX_AMOUNT;
use crate::domain::order::content::{Address, Basket, Customer, Fulfillment, Line, Metadata};
use crate::domain::order::status::FulfillmentKind;
use crate::domain::order::totals::TotalsOverflow;
use crate::domain::text;
use crate::error::Problem;

const MAX_LINES: usize = 100;
/// Of an order's note, in characters.
pub const MAX_NOTE: usize = 2000;
const MAX_PAIRS: usize = 20;
const MAX_KEY_CHARS: usize = 40;
const MAX_VALUE_CHARS: usize = 500;

body! {
    /// A line of an order.
    pub strict struct LineRequest as "NewLineItem" {
        name: LineText<200>,
        sku: OptionalLine<64>,
        quantity: Quantity,
        unit: OptionalLine<12>,
        unit_price: Units,
        discount: Units,
        tax_rate: TaxRate,
        note: OptionalNote<500>,
    }
}

body! {
    /// Who gets the order: at least one of these.
    pub strict struct CustomerRequest as "NewCustomer" {
        name: OptionalLine<100>,
        email: OptionalEmail,
        phone: OptionalLine<32>,
    }
}

body! {
    /// How the order gets there.
    pub strict struct FulfillmentRequest as "NewFulfillment" {
        r#type: FulfillmentKind,
        due_at: OptionalMoment,
        note: OptionalNote<500>,
        address: Option<Address>,
    }
}

body! {
    /// Where the order goes.
    pub strict struct AddressRequest as "NewAddress" {
        line1: LineText<100>,
        line2: OptionalLine<100>,
        city: OptionalLine<100>,
        state: OptionalLine<100>,
        postal_code: OptionalLine<100>,
        country: OptionalCountry,
    }
}

/// 1 to 100 lines, whose figures are not too large.
#[derive(Debug)]
pub struct LineItems(pub Vec<Line>);

impl FromJson for LineItems {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<LineItems> {
        let items = match value {
            Value::Array(items) => items,
            Value::Null => return reader.fault(Problem::Missing, value),
            other => return reader.fault(Problem::NotAnArray, other),
        };
        let found = items.len();
        match found {
            0 => reader.fault(Problem::TooFewItems { min: 1, found }, value),
            1..=MAX_LINES => reader.items(items).map(LineItems),
            _ => reader.fault(Problem::TooManyItems { max: MAX_LINES, found }, value),
        }
    }

    fn read_in(
        value: &Value,
        object: &Map<String, Value>,
        reader: &mut Reader<'_>,
    ) -> Option<LineItems> {
        let LineItems(lines) = LineItems::read(value, reader)?;
        let prices_include_tax = object.get("prices_include_tax") == Some(&Value::Bool(true));
        let basket = Basket { currency: None, prices_include_tax, lines };
        match basket.totals() {
            Ok(_) => Some(LineItems(basket.lines)),
            Err(TotalsOverflow::Order) => reader.fault(too_large("The order's sums"), value),
            Err(TotalsOverflow::Line(index)) => reader.item(index, |reader| {
                let line = value[index].as_object()?;
                reader.fault_at(line, "unit_price", too_large("The line's total"))
            }),
        }
    }

    fn describe() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(LineRequest::describe())
            .min_items(Some(1))
            .max_items(Some(MAX_LINES))
            .into()
    }
}

fn too_large(what: &str) -> Problem {
    Problem::Value { reason: format!("{what} must be at most {MAX_AMOUNT}") }
}

impl FromJson for Line {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Line> {
        let request = LineRequest::read(value, reader)?;
        let line = Line {
            name: request.name.0,
            sku: request.sku.0,
            quantity: request.quantity.0,
            unit: request.unit.0,
            unit_price: request.unit_price.0,
            discount: request.discount.0,
            tax_rate: request.tax_rate.0,
            note: request.note.0,
        };
        let object = value.as_object()?;
        match line.subtotal() {
            None => reader.fault_at(object, "unit_price", too_large("The line's subtotal")),
            Some(subtotal) if line.discount > subtotal => {
                reader.fault_at(object, "discount", Problem::Above { max: subtotal.get() as i64 })
            }
            Some(_) => Some(line),
        }
    }

    fn describe() -> RefOr<Schema> {
        LineRequest::describe()
    }
}

impl FromJson for Customer {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Customer> {
        let CustomerRequest { name, email, phone } = CustomerRequest::read(value, reader)?;
        let customer = Customer { name: name.0, email: email.0, phone: phone.0 };
        if customer == Customer::default() {
            let reason = "Give a name, an email or a phone".to_owned();
            return reader.fault(Problem::Value { reason }, value);
        }
        Some(customer)
    }

    fn describe() -> RefOr<Schema> {
        CustomerRequest::describe()
    }
}

impl FromJson for Fulfillment {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Fulfillment> {
        let FulfillmentRequest { r#type: kind, due_at, note, address } =
            FulfillmentRequest::read(value, reader)?;
        if kind.needs_address() && address.is_none() {
            return reader.missing(value.as_object()?, "address");
        }
        Some(Fulfillment { kind, due_at: due_at.0, note: note.0, address })
    }

    fn describe() -> RefOr<Schema> {
        FulfillmentRequest::describe()
    }
}

impl FromJson for FulfillmentKind {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<FulfillmentKind> {
        let expected = "'pickup', 'delivery' or 'shipment'";
        match value.as_str().and_then(FulfillmentKind::parse) {
            Some(kind) => Some(kind),
            None => reader.fault(Problem::NotOneOf { expected }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        order_schemas::fulfillment_type()
    }
}

impl FromJson for Address {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Address> {
        let request = AddressRequest::read(value, reader)?;
        Some(Address {
            line1: request.line1.0,
            line2: request.line2.0,
            city: request.city.0,
            state: request.state.0,
            postal_code: request.postal_code.0,
            country: request.country.0,
        })
    }

    fn describe() -> RefOr<Schema> {
        AddressRequest::describe()
    }
}

impl FromJson for Metadata {
    fn absent() -> Option<Metadata> {
        Some(Metadata::new())
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Metadata> {
        let object = match value {
            Value::Object(object) => object,
            Value::Null => return Metadata::absent(),
            other => return reader.fault(Problem::NotADictionary, other),
        };
        if object.len() > MAX_PAIRS {
            let (max, found) = (MAX_PAIRS, object.len());
            return reader.fault(Problem::TooManyItems { max, found }, value);
        }
        let pairs = reader.entries(object, |name, value, reader| {
            if !is_key(name) {
                let reason = "A name is 1 to 40 of A-Z a-z 0-9 _ . -".to_owned();
                return reader.fault(Problem::Value { reason }, value);
            }
            let text = reader.parsed(value, |text| text::line(text, MAX_VALUE_CHARS))?;
            Some((name.to_owned(), text))
        });
        Some(pairs?.into_iter().collect())
    }

    fn describe() -> RefOr<Schema> {
        let names = ObjectBuilder::new().pattern(Some("^[A-Za-z0-9_.-]{1,40}$"));
        let pairs = ObjectBuilder::new()
            .property_names(Some(names))
            .max_properties(Some(MAX_PAIRS))
            .additional_properties(Some(AdditionalProperties::RefOr(
                small::optional_line(MAX_VALUE_CHARS).into(),
            )));
        small::or_null(pairs)
    }
}

fn is_key(name: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=MAX_KEY_CHARS).contains(&name.len()) && name.bytes().all(is_fit)
}

/// The objects of this file, for the document.
pub fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((LineRequest::name().into_owned(), LineRequest::schema()));
    detail_schemas(schemas);
}

/// Those of them that a change can bring.
pub fn detail_schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    for (name, schema) in [
        (CustomerRequest::name(), CustomerRequest::schema()),
        (FulfillmentRequest::name(), FulfillmentRequest::schema()),
        (AddressRequest::name(), AddressRequest::schema()),
    ] {
        schemas.push((name.into_owned(), schema));
    }
}
