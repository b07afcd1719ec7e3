//! What has happened to an order with content.

use super::reference::Reference;
use super::status::{CancelReason, RefundReason, Status};
use crate::clock::Timestamp;
use crate::domain::UserId;
use crate::domain::money::Amount;

/// Money that was taken elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Above zero.
    pub amount: Amount,
    pub method: String,
    pub reference: Option<Reference>,
    pub note: Option<String>,
    /// Its idempotency key.
    pub key: Option<String>,
}

/// Money that was given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Above zero.
    pub amount: Amount,
    pub reason: RefundReason,
    pub note: Option<String>,
    /// Its idempotency key.
    pub key: Option<String>,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    /// None for the operator.
    pub actor: Option<UserId>,
    pub kind: EntryKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Status { from: Status, to: Status, reason: Option<CancelReason>, note: Option<String> },
    Update { fields: Vec<DetailField> },
    Payment(Payment),
    Refund(Refund),
}

super::status::words! {
    /// A field of [`Details`](super::content::Details).
    pub enum DetailField {
        Note = 0 "note",
        Metadata = 1 "metadata",
        Customer = 2 "customer",
        Fulfillment = 3 "fulfillment",
    }
}

impl EntryKind {
    /// The idempotency key under which it was recorded.
    pub fn key(&self) -> Option<&String> {
        match self {
            EntryKind::Payment(Payment { key, .. }) | EntryKind::Refund(Refund { key, .. }) => {
                key.as_ref()
            }
            EntryKind::Status { .. } | EntryKind::Update { .. } => None,
        }
    }
}
