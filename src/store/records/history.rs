//! What lies in the row of an order with content of its history.

use serde::{Deserialize, Serialize};

use super::parts::{all, parsed, reference_text};
use crate::clock::Timestamp;
use crate::domain::UserId;
use crate::domain::money::Amount;
use crate::domain::order::change::{DetailField, Entry, EntryKind, Payment, Refund};
use crate::domain::order::content::Reference;
use crate::domain::order::status::{CancelReason, RefundReason, Status};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EntryRecord {
    at_secs: u64,
    actor: Option<u64>,
    kind: EntryKindRecord,
}

#[derive(Debug, Serialize, Deserialize)]
enum EntryKindRecord {
    Status { from: u8, to: u8, reason: Option<u8>, note: Option<String> },
    Update { fields: Vec<u8> },
    Payment(PaymentRecord),
    Refund(RefundRecord),
}

#[derive(Debug, Serialize, Deserialize)]
struct PaymentRecord {
    amount: u64,
    method: String,
    reference: Option<String>,
    note: Option<String>,
    key: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RefundRecord {
    amount: u64,
    reason: u8,
    note: Option<String>,
    key: Option<String>,
}

impl From<&Entry> for EntryRecord {
    fn from(entry: &Entry) -> EntryRecord {
        let kind = match &entry.kind {
            EntryKind::Status { from, to, reason, note } => EntryKindRecord::Status {
                from: from.code(),
                to: to.code(),
                reason: reason.map(CancelReason::code),
                note: note.clone(),
            },
            EntryKind::Update { fields } => {
                EntryKindRecord::Update { fields: fields.iter().map(|it| it.code()).collect() }
            }
            EntryKind::Payment(payment) => EntryKindRecord::Payment(PaymentRecord {
                amount: payment.amount.get(),
                method: payment.method.clone(),
                reference: payment.reference.as_ref().map(reference_text),
                note: payment.note.clone(),
                key: payment.key.clone(),
            }),
            EntryKind::Refund(refund) => EntryKindRecord::Refund(RefundRecord {
                amount: refund.amount.get(),
                reason: refund.reason.code(),
                note: refund.note.clone(),
                key: refund.key.clone(),
            }),
        };
        EntryRecord { at_secs: entry.at.as_secs(), actor: entry.actor.map(|it| it.0), kind }
    }
}

impl EntryRecord {
    pub fn into_entry(self) -> Option<Entry> {
        let kind = match self.kind {
            EntryKindRecord::Status { from, to, reason, note } => EntryKind::Status {
                from: Status::of_code(from)?,
                to: Status::of_code(to)?,
                reason: parsed(reason, CancelReason::of_code)?,
                note,
            },
            EntryKindRecord::Update { fields } => {
                EntryKind::Update { fields: all(fields, DetailField::of_code)? }
            }
            EntryKindRecord::Payment(record) => EntryKind::Payment(Payment {
                amount: Amount::new(record.amount)?,
                method: record.method,
                reference: parsed(record.reference, |text| Reference::parse(&text))?,
                note: record.note,
                key: record.key,
            }),
            EntryKindRecord::Refund(record) => EntryKind::Refund(Refund {
                amount: Amount::new(record.amount)?,
                reason: RefundReason::of_code(record.reason)?,
                note: record.note,
                key: record.key,
            }),
        };
        let (at, actor) = (Timestamp::from_secs(self.at_secs), self.actor.map(UserId));
        Some(Entry { at, actor, kind })
    }
}
