//! Changes of an order: its status, its details, and money that was taken or given back.

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use super::body::body;
use super::call::{Call, Pending};
use super::if_match;
use super::inputs::Given;
use super::inputs::numbers::SomeUnits;
use super::inputs::text::{Line, OptionalNote, OptionalReference};
use super::openapi::{OperationDoc, Tag, order_schemas, response_with_headers, schemas};
use super::order_body::OrderBody;
use super::order_inputs::{MAX_NOTE, detail_schemas};
use super::orders::{idempotency_key, order_response};
use super::reader::{FromJson, Reader};
use crate::domain::OrderId;
use crate::domain::order::change::{Patch, Payment, Refund};
use crate::domain::order::content::{Customer, Fulfillment, Metadata};
use crate::domain::order::status::{CancelReason, RefundReason};
use crate::domain::order::{Change, Status};
use crate::error::{Error, Problem, Result, Violation};
use crate::http::{Field, Response};
use crate::service::{Context, PendingChange, Service};

body! {
    /// The status that an order is to have.
    pub strict struct StatusRequest as "NewStatus" {
        status: Status,
        reason: Option<CancelReason>,
        note: OptionalNote<500>,
    }
}

body! {
    /// The new details of an order: what is absent stays, null clears, an object replaces the whole.
    pub strict struct UpdateRequest as "OrderUpdate" {
        note: Given<OptionalNote<MAX_NOTE>>,
        metadata: Given<Metadata>,
        customer: Given<Option<Customer>>,
        fulfillment: Given<Option<Fulfillment>>,
    }
}

body! {
    /// Money that was taken elsewhere.
    pub strict struct PaymentRequest as "NewPayment" {
        amount: SomeUnits,
        method: Line<40>,
        reference_id: OptionalReference,
        note: OptionalNote<500>,
    }
}

body! {
    /// Money that was given back elsewhere.
    pub strict struct RefundRequest as "NewRefund" {
        amount: SomeUnits,
        reason: RefundReason,
        note: OptionalNote<500>,
    }
}

impl FromJson for Status {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Status> {
        let expected = "'pending', 'processing', 'ready', 'completed', 'canceled' or 'failed'";
        match value.as_str().and_then(Status::parse) {
            Some(status) => Some(status),
            None => reader.fault(Problem::NotOneOf { expected }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        order_schemas::order_status()
    }
}

impl FromJson for CancelReason {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<CancelReason> {
        let expected = "'customer', 'inventory', 'fraud', 'declined', 'staff' or 'other'";
        match value.as_str().and_then(CancelReason::parse) {
            Some(reason) => Some(reason),
            None => reader.fault(Problem::NotOneOf { expected }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::words(CancelReason::ALL.iter().map(|reason| reason.as_str())).into()
    }
}

impl FromJson for RefundReason {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<RefundReason> {
        let expected = "'requested_by_customer', 'duplicate', 'fraudulent' or 'other'";
        match value.as_str().and_then(RefundReason::parse) {
            Some(reason) => Some(reason),
            None => reader.fault(Problem::NotOneOf { expected }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        order_schemas::refund_reason()
    }
}

pub fn set_status(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let StatusRequest { status, reason, note } = call.read_body()?;
    check_reason(call, status, reason)?;
    begin(call, Change::Status { to: status, reason, note: note.0 })
}

/// A reason goes with a cancellation only, and a customer's is that they are the customer.
fn check_reason(call: &Call<'_>, status: Status, reason: Option<CancelReason>) -> Result<()> {
    let Some(reason) = reason else { return Ok(()) };
    let is_admin = call.caller.require_admin().is_ok();
    let problem = match status {
        Status::Canceled if is_admin || reason == CancelReason::Customer => return Ok(()),
        Status::Canceled => Problem::NotOneOf { expected: "'customer'" },
        _ => Problem::Value { reason: "A reason goes with canceled only".to_owned() },
    };
    let location = vec!["body".into(), "reason".into()];
    Err(Error::Invalid(vec![Violation::new(location, problem, reason.as_str().into())]))
}

pub fn update(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let UpdateRequest { note, metadata, customer, fulfillment } = call.read_body()?;
    let patch = Patch {
        note: note.0.map(|note| note.0),
        metadata: metadata.0,
        customer: customer.0,
        fulfillment: fulfillment.0,
    };
    begin(call, Change::Update(patch))
}

pub fn pay(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let PaymentRequest { amount, method, reference_id, note } = call.read_body()?;
    let (amount, method, reference) = (amount.0, method.0, reference_id.0);
    let payment = Payment { amount, method, reference, note: note.0, key: key(call)? };
    begin(call, Change::Payment(payment))
}

pub fn refund(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let RefundRequest { amount, reason, note } = call.read_body()?;
    let refund = Refund { amount: amount.0, reason, note: note.0, key: key(call)? };
    begin(call, Change::Refund(refund))
}

fn key(call: &Call<'_>) -> Result<Option<String>> {
    call.header(Field::IdempotencyKey).map(idempotency_key).transpose()
}

fn begin(call: &Call<'_>, change: Change) -> Result<Box<dyn Pending>> {
    let condition = call.header(Field::IfMatch).map(if_match::parse).transpose()?;
    let id = OrderId(call.path_id("order_id")?);
    Ok(Box::new(call.service().change(&call.caller, id, change, condition)))
}

impl Pending for PendingChange {
    fn is_ready(&self) -> bool {
        PendingChange::is_ready(self)
    }

    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response> {
        let changed = service.changed(cx, *self)?;
        Ok(order_response(&changed.order, changed.replayed))
    }
}

const CONDITION: &str =
    "A version's `ETag`, or several, or `*`: with another version it is 412, and nothing changes.";

pub fn describe_set_status() -> OperationDoc {
    described("set_order_status", "Move an order to its next status")
        .about(
            "Admins; the owner may cancel what is pending. Asking for the status that it has \
             changes nothing.",
        )
        .reads::<StatusRequest>(json!({ "status": "ready" }))
}

pub fn describe_update() -> OperationDoc {
    described("update_order", "Change the details of an order")
        .about(
            "The owner while it is pending, admins until it is closed, and their `metadata` \
             always. Lines, currency and reference never change.",
        )
        .reads::<UpdateRequest>(json!({ "note": "Ring twice" }))
        .with_schemas(detail_schemas)
}

pub fn describe_pay() -> OperationDoc {
    with_key(described("record_payment", "Record a payment (admins)"))
        .about("Money that was taken elsewhere. More than is due is 409, with what is `due`.")
        .reads::<PaymentRequest>(json!({ "amount": 1900, "method": "cash" }))
}

pub fn describe_refund() -> OperationDoc {
    with_key(described("record_refund", "Record a refund (admins)"))
        .about(
            "Money that was given back elsewhere. More than was paid and not yet given back is \
             409, with what is `refundable`.",
        )
        .reads::<RefundRequest>(json!({ "amount": 1900, "reason": "requested_by_customer" }))
}

fn described(id: &str, summary: &str) -> OperationDoc {
    OperationDoc::new(id, Tag::Orders, summary)
        .header("If-Match", order_schemas::if_match(), CONDITION)
        .answers_with::<OrderBody<'_>>(
            200,
            response_with_headers("The order", &["ETag", "Idempotent-Replayed"]),
        )
        .fails_with(403)
        .fails_with(409)
        .fails_with(412)
}

fn with_key(doc: OperationDoc) -> OperationDoc {
    doc.header(
        "Idempotency-Key",
        schemas::idempotency_key(),
        "As where an order is placed; it lives as long as the entry.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn the_words_that_are_expected_are_those_that_are_read() {
        let expected = |words: Vec<&str>| {
            let (last, others) = words.split_last().unwrap();
            let others: Vec<_> = others.iter().map(|word| format!("'{word}'")).collect();
            format!("{} or '{last}'", others.join(", "))
        };
        let told = |fault: Option<&Violation>| match &fault.unwrap().problem {
            Problem::NotOneOf { expected } => expected.to_string(),
            other => panic!("{other:?}"),
        };
        fn faults<T: FromJson>() -> Vec<Violation> {
            match Reader::read::<T>(Some(&json!("?")), b"", Timestamp::EPOCH) {
                Err(Error::Invalid(faults)) => faults,
                _ => panic!("no faults"),
            }
        }
        let words = Status::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(told(faults::<Status>().first()), expected(words));
        let words = CancelReason::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(told(faults::<CancelReason>().first()), expected(words));
        let words = RefundReason::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(told(faults::<RefundReason>().first()), expected(words));
    }
}
