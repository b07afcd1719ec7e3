//! Schemas of what orders are made of.

use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::schemas::{choice, decimal, integer, or_null, text, words};
use crate::domain::money::MAX_AMOUNT;
use crate::domain::order::content::Reference;
use crate::domain::order::status::{
    CancelReason, FulfillmentKind, PaymentStatus, RefundReason, Status,
};

/// `*`, or entity tags with their weak marks.
const IF_MATCH: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;

pub fn order_status() -> RefOr<Schema> {
    words(Status::ALL.iter().map(|status| status.as_str())).into()
}

/// Statuses, separated by commas.
pub fn status_list() -> ObjectBuilder {
    let words = Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join("|");
    text(&format!("^({words})(,({words}))*$")).examples([json!("pending,processing")])
}

/// A text with a letter or a digit: one of any script, which no pattern can tell that all readers of
/// the document know, so that this one asks only for more than ASCII's signs.
pub fn search(max: usize) -> ObjectBuilder {
    text(r"[^\u0000-/:-@\[-`{-\u007f]").min_length(Some(1)).max_length(Some(max))
}

pub fn payment_status() -> RefOr<Schema> {
    words(PaymentStatus::ALL.iter().map(|status| status.as_str())).into()
}

pub fn cancel_reason_or_null() -> RefOr<Schema> {
    or_null(words(CancelReason::ALL.iter().map(|reason| reason.as_str())))
}

pub fn refund_reason() -> RefOr<Schema> {
    words(RefundReason::ALL.iter().map(|reason| reason.as_str())).into()
}

pub fn fulfillment_type() -> RefOr<Schema> {
    words(FulfillmentKind::ALL.iter().map(|kind| kind.as_str())).into()
}

pub fn change_kind() -> RefOr<Schema> {
    choice(["status", "update", "payment", "refund"]).into()
}

/// In the minor unit of the order's currency.
pub fn amount() -> RefOr<Schema> {
    integer(0, MAX_AMOUNT).into()
}

pub fn quantity() -> RefOr<Schema> {
    decimal(0.001, 99_999.999).into()
}

pub fn tax_rate() -> RefOr<Schema> {
    decimal(0.0, 100.0).into()
}

pub fn metadata() -> RefOr<Schema> {
    let value = ObjectBuilder::new().schema_type(Type::String);
    let values = AdditionalProperties::RefOr(value.into());
    ObjectBuilder::new().additional_properties(Some(values)).into()
}

pub fn if_match() -> RefOr<Schema> {
    text(IF_MATCH).max_length(Some(200)).examples([json!("\"3\"")]).into()
}

pub fn reference() -> RefOr<Schema> {
    text("^[!-~]+$").min_length(Some(1)).max_length(Some(Reference::MAX_CHARS)).into()
}

pub fn order_status_or_null() -> RefOr<Schema> {
    or_null(order_status())
}
