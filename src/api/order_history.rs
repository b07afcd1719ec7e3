//! One order with all that has happened to it.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::openapi::{order_schemas, schemas};
use super::order_body::{ContentOrderBody, SimpleOrderBody, zoned};
use crate::domain::Order;
use crate::domain::order::change::{Payment, Refund};
use crate::domain::order::{Content, Entry, EntryKind, Status};

/// Who looks at an order: the notes of changes are for those who run the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Admin,
    Owner,
}

/// An order on its own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum OrderDetailBody<'a> {
    Simple(SimpleOrderBody),
    Content(Box<ContentDetailBody<'a>>),
}

/// An order with content, and what has happened to it, oldest first.
#[derive(Debug, Serialize)]
pub struct ContentDetailBody<'a> {
    #[serde(flatten)]
    order: ContentOrderBody<'a>,
    #[serde(flatten)]
    log: OrderLog<'a>,
}

/// What has happened to an order, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderLog<'a> {
    history: Vec<HistoryBody<'a>>,
    payments: Vec<PaymentBody<'a>>,
    refunds: Vec<RefundBody<'a>>,
}

/// A change. The keys that don't apply to its kind are absent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub struct HistoryBody<'a> {
    /// The order's version since then.
    #[schema(schema_with = schemas::id)]
    version: u64,
    #[schema(schema_with = schemas::zoned_time)]
    at: String,
    /// Null for the operator.
    #[schema(schema_with = schemas::id_or_none, required)]
    actor_id: Option<u64>,
    #[schema(schema_with = order_schemas::change_kind)]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = order_schemas::order_status, required = false)]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = order_schemas::order_status, required = false)]
    to: Option<&'static str>,
    /// Of a cancellation or a refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    reason: Option<Option<&'static str>>,
    /// For admins; null for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    note: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = order_schemas::amount, required = false)]
    amount: Option<u64>,
    /// What an update has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    fields: Option<Vec<&'static str>>,
}

/// Money that was taken elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub struct PaymentBody<'a> {
    #[schema(schema_with = schemas::zoned_time)]
    at: String,
    #[schema(schema_with = schemas::id_or_none, required)]
    actor_id: Option<u64>,
    #[schema(schema_with = order_schemas::amount)]
    amount: u64,
    method: &'a str,
    #[schema(required)]
    reference_id: Option<&'a str>,
    /// For admins; null for others.
    #[schema(required)]
    note: Option<&'a str>,
}

/// Money that was given back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub struct RefundBody<'a> {
    #[schema(schema_with = schemas::zoned_time)]
    at: String,
    #[schema(schema_with = schemas::id_or_none, required)]
    actor_id: Option<u64>,
    #[schema(schema_with = order_schemas::amount)]
    amount: u64,
    #[schema(schema_with = order_schemas::refund_reason)]
    reason: &'static str,
    /// For admins; null for others.
    #[schema(required)]
    note: Option<&'a str>,
}

impl<'a> OrderDetailBody<'a> {
    pub fn of(order: &'a Order, reader: Reader) -> OrderDetailBody<'a> {
        match order.content() {
            None => OrderDetailBody::Simple(SimpleOrderBody::from(order)),
            Some(content) => OrderDetailBody::Content(Box::new(ContentDetailBody {
                order: ContentOrderBody::of(order, content),
                log: OrderLog::of(content, reader),
            })),
        }
    }
}

impl PartialSchema for OrderDetailBody<'_> {
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(ContentDetailBody::name()))
            .item(Ref::from_schema_name(SimpleOrderBody::name()))
            .into()
    }
}

impl PartialSchema for ContentDetailBody<'_> {
    fn schema() -> RefOr<Schema> {
        AllOfBuilder::new()
            .item(Ref::from_schema_name(ContentOrderBody::name()))
            .item(Ref::from_schema_name(OrderLog::name()))
            .into()
    }
}

impl ToSchema for ContentDetailBody<'_> {
    fn name() -> Cow<'static, str> {
        "ContentOrderDetail".into()
    }
}

impl ToSchema for OrderDetailBody<'_> {
    fn name() -> Cow<'static, str> {
        "OrderDetail".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        super::order_body::OrderBody::schemas(schemas);
        schemas.push((ContentDetailBody::name().into(), ContentDetailBody::schema()));
        schemas.push((OrderLog::name().into(), OrderLog::schema()));
        OrderLog::schemas(schemas);
    }
}

impl<'a> OrderLog<'a> {
    fn of(content: &'a Content, reader: Reader) -> OrderLog<'a> {
        let entries = content.history.iter().zip(2..);
        OrderLog {
            history: entries.map(|(entry, version)| reader.entry(entry, version)).collect(),
            payments: content.payments().map(|(at, payment)| reader.payment(at, payment)).collect(),
            refunds: content.refunds().map(|(at, refund)| reader.refund(at, refund)).collect(),
        }
    }
}

impl Reader {
    fn entry(self, entry: &Entry, version: u64) -> HistoryBody<'_> {
        let mut body = HistoryBody {
            version,
            at: zoned(entry.at),
            actor_id: entry.actor.map(|actor| actor.0),
            kind: "",
            from: None,
            to: None,
            reason: None,
            note: None,
            amount: None,
            fields: None,
        };
        match &entry.kind {
            EntryKind::Status { from, to, reason, note } => {
                body.kind = "status";
                (body.from, body.to) = (Some(from.as_str()), Some(to.as_str()));
                if *to == Status::Canceled {
                    body.reason = Some(reason.map(|reason| reason.as_str()));
                }
                body.note = Some(self.note(note));
            }
            EntryKind::Update { fields } => {
                body.kind = "update";
                body.fields = Some(fields.iter().map(|field| field.as_str()).collect());
            }
            EntryKind::Payment(payment) => {
                body.kind = "payment";
                body.amount = Some(payment.amount.get());
                body.note = Some(self.note(&payment.note));
            }
            EntryKind::Refund(refund) => {
                body.kind = "refund";
                body.amount = Some(refund.amount.get());
                body.reason = Some(Some(refund.reason.as_str()));
                body.note = Some(self.note(&refund.note));
            }
        }
        body
    }

    fn payment<'a>(self, entry: &'a Entry, payment: &'a Payment) -> PaymentBody<'a> {
        PaymentBody {
            at: zoned(entry.at),
            actor_id: entry.actor.map(|actor| actor.0),
            amount: payment.amount.get(),
            method: &payment.method,
            reference_id: payment.reference.as_ref().map(|reference| reference.as_str()),
            note: self.note(&payment.note),
        }
    }

    fn refund<'a>(self, entry: &'a Entry, refund: &'a Refund) -> RefundBody<'a> {
        RefundBody {
            at: zoned(entry.at),
            actor_id: entry.actor.map(|actor| actor.0),
            amount: refund.amount.get(),
            reason: refund.reason.as_str(),
            note: self.note(&refund.note),
        }
    }

    fn note(self, note: &Option<String>) -> Option<&str> {
        note.as_deref().filter(|_| self == Reader::Admin)
    }
}
