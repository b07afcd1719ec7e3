//! Reading an order that is to be placed: a simple one, or one with content.

use std::borrow::Cow;

use serde_json::{Map, Value};
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::body::body;
use super::inputs::codes::OptionalCurrency;
use super::inputs::numbers::{OptionalId, OptionalUnits};
use super::inputs::text::{OptionalNote, OptionalReference};
use super::inputs::{LaxBool, StrictBool};
use super::order_inputs::{LineItems, MAX_NOTE};
use super::reader::{FromJson, Reader};
use crate::domain::order::content::{Basket, Customer, Details, Fulfillment, Metadata, NewContent};
use crate::domain::{NewOrder, Outcome, UserId};
use crate::error::Problem;

/// The fields of an order with content, in the order in which their faults are told.
const CONTENT_FIELDS: [&str; 10] = [
    "line_items",
    "currency",
    "prices_include_tax",
    "total",
    "reference_id",
    "customer",
    "fulfillment",
    "note",
    "metadata",
    "user_id",
];

/// An order that is to be placed, as a client has sent it.
#[derive(Debug)]
pub struct OrderRequest(pub NewOrder);

body! {
    /// An order that only succeeds or fails.
    pub struct SimpleOrderRequest as "NewSimpleOrder" {
        success: LaxBool,
    }
}

body! {
    /// An order with content. Amounts are integers in the minor unit of the currency.
    pub strict struct ContentRequest as "NewContentOrder" {
        line_items: LineItems,
        currency: OptionalCurrency,
        prices_include_tax: StrictBool,
        total: OptionalUnits,
        reference_id: OptionalReference,
        customer: Option<Customer>,
        fulfillment: Option<Fulfillment>,
        note: OptionalNote<MAX_NOTE>,
        metadata: Metadata,
        user_id: OptionalId,
    }
}

impl FromJson for OrderRequest {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<OrderRequest> {
        let object = reader.object(value)?;
        let is_given = |name: &str| object.get(name).is_some_and(|value| !value.is_null());
        let has_content = CONTENT_FIELDS.iter().any(|name| is_given(name));
        match has_content && !is_given("success") {
            true => content(value, object, reader),
            // Where there is neither, the field of the old service is missing.
            false => simple(value, object, reader),
        }
        .map(OrderRequest)
    }

    fn describe() -> RefOr<Schema> {
        Ref::from_schema_name(OrderRequest::name()).into()
    }
}

impl PartialSchema for OrderRequest {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .description(Some("With `success`, or with `line_items`."))
            .item(SimpleOrderRequest::describe())
            .item(ContentRequest::describe())
            .into()
    }
}

impl ToSchema for OrderRequest {
    fn name() -> Cow<'static, str> {
        "NewOrder".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((SimpleOrderRequest::name().into(), SimpleOrderRequest::schema()));
        schemas.push((ContentRequest::name().into(), ContentRequest::schema()));
        super::order_inputs::schemas(schemas);
    }
}

/// Nothing that a client sends of an order is dropped in silence.
fn simple(value: &Value, object: &Map<String, Value>, reader: &mut Reader<'_>) -> Option<NewOrder> {
    let request = SimpleOrderRequest::read(value, reader);
    let mut is_alone = true;
    for name in CONTENT_FIELDS {
        if object.get(name).is_some_and(|value| !value.is_null()) {
            let reason = "Give line_items or success, not both".to_owned();
            reader.fault_at::<()>(object, name, Problem::Value { reason });
            is_alone = false;
        }
    }
    let outcome = Outcome::from_success(request?.success.0);
    is_alone.then_some(NewOrder::Simple(outcome))
}

fn content(
    value: &Value,
    object: &Map<String, Value>,
    reader: &mut Reader<'_>,
) -> Option<NewOrder> {
    let request = match object.contains_key("success") {
        // It is null, and so as good as absent.
        true => {
            let mut object = object.clone();
            object.shift_remove("success");
            ContentRequest::read(&Value::Object(object), reader)
        }
        false => ContentRequest::read(value, reader),
    };
    let request = request?;
    let basket = Basket {
        currency: request.currency.0,
        prices_include_tax: request.prices_include_tax.0,
        lines: request.line_items.0,
    };
    if let (Some(believed), Ok((_, totals))) = (request.total.0, basket.totals())
        && believed != totals.total
    {
        let reason = format!("The total is {}", totals.total);
        return reader.fault_at(object, "total", Problem::Value { reason });
    }
    let details = Details {
        note: request.note.0,
        metadata: request.metadata,
        customer: request.customer,
        fulfillment: request.fulfillment,
    };
    let (reference, owner) = (request.reference_id.0, request.user_id.0.map(UserId));
    let content = NewContent { basket, reference, details, owner };
    Some(NewOrder::Content(Box::new(content)))
}
