//! Orders as they are sent: the four keys of a simple one, or all that an order with content has.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::openapi::{order_schemas, schemas};
use crate::clock::Timestamp;
use crate::domain::Order;
use crate::domain::money::Milli;
use crate::domain::order::content::{Address, Content, Customer, Fulfillment, Line, Metadata};
use crate::domain::order::totals::LineTotals;

/// An order in a list, or after it was placed or changed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum OrderBody<'a> {
    Simple(SimpleOrderBody),
    Content(Box<ContentOrderBody<'a>>),
}

/// An order that only succeeds or fails.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SimpleOrder)]
pub struct SimpleOrderBody {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    #[schema(schema_with = schemas::id)]
    pub user_id: u64,
    pub success: bool,
    #[schema(schema_with = schemas::time)]
    pub created_at: String,
}

/// An order with content. Amounts are in the minor unit of the currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContentOrder)]
pub struct ContentOrderBody<'a> {
    #[serde(flatten)]
    #[schema(inline)]
    simple: SimpleOrderBody,
    #[schema(schema_with = order_schemas::order_status)]
    status: &'static str,
    /// Rises by one with each change; also the order's `ETag`.
    #[schema(schema_with = schemas::id)]
    version: u64,
    #[schema(required)]
    reference_id: Option<&'a str>,
    #[schema(required)]
    currency: Option<String>,
    prices_include_tax: bool,
    line_items: Vec<LineBody<'a>>,
    #[schema(schema_with = order_schemas::amount)]
    subtotal: u64,
    #[schema(schema_with = order_schemas::amount)]
    discount_total: u64,
    #[schema(schema_with = order_schemas::amount)]
    tax_total: u64,
    #[schema(schema_with = order_schemas::amount)]
    total: u64,
    #[schema(schema_with = order_schemas::payment_status)]
    payment_status: &'static str,
    #[schema(schema_with = order_schemas::amount)]
    amount_paid: u64,
    #[schema(schema_with = order_schemas::amount)]
    amount_refunded: u64,
    #[schema(required)]
    customer: Option<CustomerBody<'a>>,
    #[schema(required)]
    fulfillment: Option<FulfillmentBody<'a>>,
    #[schema(required)]
    note: Option<&'a str>,
    #[schema(schema_with = order_schemas::metadata)]
    metadata: &'a Metadata,
    #[schema(schema_with = order_schemas::cancel_reason_or_null, required)]
    cancel_reason: Option<&'static str>,
    #[schema(schema_with = schemas::zoned_time)]
    updated_at: String,
    /// When it was completed or canceled.
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    closed_at: Option<String>,
}

/// A line of an order, with its figures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LineItem)]
pub struct LineBody<'a> {
    name: &'a str,
    #[schema(required)]
    sku: Option<&'a str>,
    #[serde(serialize_with = "number")]
    #[schema(schema_with = order_schemas::quantity)]
    quantity: Milli,
    #[schema(required)]
    unit: Option<&'a str>,
    #[schema(schema_with = order_schemas::amount)]
    unit_price: u64,
    #[schema(schema_with = order_schemas::amount)]
    discount: u64,
    /// In percent.
    #[serde(serialize_with = "number")]
    #[schema(schema_with = order_schemas::tax_rate)]
    tax_rate: Milli,
    #[schema(required)]
    note: Option<&'a str>,
    #[schema(schema_with = order_schemas::amount)]
    subtotal: u64,
    #[schema(schema_with = order_schemas::amount)]
    tax: u64,
    #[schema(schema_with = order_schemas::amount)]
    total: u64,
}

/// Who gets the order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerBody<'a> {
    #[schema(required)]
    name: Option<&'a str>,
    #[schema(required)]
    email: Option<&'a str>,
    #[schema(required)]
    phone: Option<&'a str>,
}

/// How the order gets there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fulfillment)]
pub struct FulfillmentBody<'a> {
    #[serde(rename = "type")]
    #[schema(schema_with = order_schemas::fulfillment_type)]
    kind: &'static str,
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    due_at: Option<String>,
    #[schema(required)]
    note: Option<&'a str>,
    #[schema(required)]
    address: Option<AddressBody<'a>>,
}

/// Where the order goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Address)]
pub struct AddressBody<'a> {
    line1: &'a str,
    #[schema(required)]
    line2: Option<&'a str>,
    #[schema(required)]
    city: Option<&'a str>,
    #[schema(required)]
    state: Option<&'a str>,
    #[schema(required)]
    postal_code: Option<&'a str>,
    #[schema(required)]
    country: Option<String>,
}

impl<'a> From<&'a Order> for OrderBody<'a> {
    fn from(order: &'a Order) -> OrderBody<'a> {
        match order.content() {
            None => OrderBody::Simple(SimpleOrderBody::from(order)),
            Some(content) => OrderBody::Content(Box::new(ContentOrderBody::of(order, content))),
        }
    }
}

// Not `oneOf`: an order with content fits the schema of a simple one, too, which allows more keys.
impl PartialSchema for OrderBody<'_> {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .description(Some("A simple order has four keys; one with content has a `status`."))
            .item(Ref::from_schema_name(ContentOrderBody::name()))
            .item(Ref::from_schema_name(SimpleOrderBody::name()))
            .into()
    }
}

impl ToSchema for OrderBody<'_> {
    fn name() -> Cow<'static, str> {
        "Order".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((SimpleOrderBody::name().into(), SimpleOrderBody::schema()));
        schemas.push((ContentOrderBody::name().into(), ContentOrderBody::schema()));
        ContentOrderBody::schemas(schemas);
    }
}

impl From<&Order> for SimpleOrderBody {
    fn from(order: &Order) -> SimpleOrderBody {
        SimpleOrderBody {
            id: order.id.0,
            user_id: order.user.0,
            success: order.status().is_success(),
            created_at: order.created_at.to_string(),
        }
    }
}

impl<'a> ContentOrderBody<'a> {
    pub fn of(order: &'a Order, content: &'a Content) -> ContentOrderBody<'a> {
        let (lines, totals) = content.totals();
        let Content { basket, details, .. } = content;
        ContentOrderBody {
            simple: SimpleOrderBody::from(order),
            status: content.status.as_str(),
            version: content.version(),
            reference_id: content.reference.as_ref().map(|reference| reference.as_str()),
            currency: basket.currency.map(|currency| currency.to_string()),
            prices_include_tax: basket.prices_include_tax,
            line_items: basket.lines.iter().zip(&lines).map(LineBody::from).collect(),
            subtotal: totals.subtotal.get(),
            discount_total: totals.discount.get(),
            tax_total: totals.tax.get(),
            total: totals.total.get(),
            payment_status: content.payment_status(totals.total).as_str(),
            amount_paid: content.amount_paid().get(),
            amount_refunded: content.amount_refunded().get(),
            customer: details.customer.as_ref().map(CustomerBody::from),
            fulfillment: details.fulfillment.as_ref().map(FulfillmentBody::from),
            note: details.note.as_deref(),
            metadata: &details.metadata,
            cancel_reason: content.cancel_reason.map(|reason| reason.as_str()),
            updated_at: zoned(content.updated_at),
            closed_at: content.closed_at.map(zoned),
        }
    }
}

impl<'a> From<(&'a Line, &LineTotals)> for LineBody<'a> {
    fn from((line, totals): (&'a Line, &LineTotals)) -> LineBody<'a> {
        LineBody {
            name: &line.name,
            sku: line.sku.as_deref(),
            quantity: line.quantity,
            unit: line.unit.as_deref(),
            unit_price: line.unit_price.get(),
            discount: line.discount.get(),
            tax_rate: line.tax_rate,
            note: line.note.as_deref(),
            subtotal: totals.subtotal.get(),
            tax: totals.tax.get(),
            total: totals.total.get(),
        }
    }
}

impl<'a> From<&'a Customer> for CustomerBody<'a> {
    fn from(customer: &'a Customer) -> CustomerBody<'a> {
        CustomerBody {
            name: customer.name.as_deref(),
            email: customer.email.as_ref().map(|email| email.as_str()),
            phone: customer.phone.as_deref(),
        }
    }
}

impl<'a> From<&'a Fulfillment> for FulfillmentBody<'a> {
    fn from(fulfillment: &'a Fulfillment) -> FulfillmentBody<'a> {
        FulfillmentBody {
            kind: fulfillment.kind.as_str(),
            due_at: fulfillment.due_at.map(zoned),
            note: fulfillment.note.as_deref(),
            address: fulfillment.address.as_ref().map(AddressBody::from),
        }
    }
}

impl<'a> From<&'a Address> for AddressBody<'a> {
    fn from(address: &'a Address) -> AddressBody<'a> {
        AddressBody {
            line1: &address.line1,
            line2: address.line2.as_deref(),
            city: address.city.as_deref(),
            state: address.state.as_deref(),
            postal_code: address.postal_code.as_deref(),
            country: address.country.map(|country| country.as_str().to_owned()),
        }
    }
}

/// Every time but `created_at` says that it is UTC.
pub fn zoned(at: Timestamp) -> String {
    format!("{at}Z")
}

/// Without needless decimals: `2`, `1.5`.
fn number<S: Serializer>(value: &Milli, serializer: S) -> Result<S::Ok, S::Error> {
    match value.thousandths() {
        whole if whole % 1000 == 0 => serializer.serialize_u32(whole / 1000),
        // Of so few digits a double prints just what it was made of.
        thousandths => serializer.serialize_f64(f64::from(thousandths) / 1000.0),
    }
}
