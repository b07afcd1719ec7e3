//! What is in an order: what was ordered, for whom, and how it gets there.

use std::collections::BTreeMap;

use super::history::{Entry, EntryKind, Payment, Refund};
use super::status::{CancelReason, FulfillmentKind, PaymentStatus, Status};
use super::totals::{LineTotals, Totals};
use crate::clock::Timestamp;
use crate::domain::money::Amount;
use crate::domain::{Country, EmailAddress, MailId, MailKind, UserId};

pub use super::basket::{Basket, Line};
pub use super::reference::Reference;

/// An order with content, as it is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContent {
    pub basket: Basket,
    pub reference: Option<Reference>,
    pub details: Details,
    /// For whom it is placed, where that is not the caller.
    pub owner: Option<UserId>,
}

/// What of an order may still be changed after it was placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub note: Option<String>,
    pub metadata: Metadata,
    pub customer: Option<Customer>,
    pub fulfillment: Option<Fulfillment>,
}

/// At most 20 pairs.
pub type Metadata = BTreeMap<String, String>;

/// At least one of them is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    pub name: Option<String>,
    pub email: Option<EmailAddress>,
    pub phone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfillment {
    pub kind: FulfillmentKind,
    /// Whole seconds.
    pub due_at: Option<Timestamp>,
    pub note: Option<String>,
    /// There wherever the kind needs one.
    pub address: Option<Address>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub line1: String,
    pub line2: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<Country>,
}

/// An order with content, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub basket: Basket,
    pub reference: Option<Reference>,
    pub details: Details,
    pub status: Status,
    pub cancel_reason: Option<CancelReason>,
    pub updated_at: Timestamp,
    /// Since when its status is not open any more.
    pub closed_at: Option<Timestamp>,
    pub placed_by: PlacedBy,
    /// Whether an admin wrote the customer's email address that is there now.
    pub email_is_admins: bool,
    pub mails: Mails,
    /// What has changed since, oldest first.
    pub history: Vec<Entry>,
}

/// Who placed an order, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedBy {
    /// None for the operator.
    pub user: Option<UserId>,
    pub is_admin: bool,
    /// Of the request, where it had an idempotency key: what a repeat is compared with.
    pub fingerprint: Option<Fingerprint>,
}

/// A hash of what was asked for, in the form that `version` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub version: u8,
    pub hash: [u8; 32],
}

/// The mails that the order has sent so far, each kind once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mails(Vec<(MailKind, MailId)>);

impl FulfillmentKind {
    pub fn needs_address(self) -> bool {
        self != FulfillmentKind::Pickup
    }
}

impl Mails {
    pub fn has(&self, kind: MailKind) -> bool {
        self.0.iter().any(|(known, _)| *known == kind)
    }

    pub fn add(&mut self, kind: MailKind, id: MailId) {
        self.0.push((kind, id));
    }

    pub fn iter(&self) -> impl Iterator<Item = (MailKind, MailId)> + '_ {
        self.0.iter().copied()
    }
}

impl Content {
    /// 1, and one more for each change.
    pub fn version(&self) -> u64 {
        1 + self.history.len() as u64
    }

    /// The figures of each line, and of the order. They were checked when it was placed: what no
    /// longer has any is damaged, and shows zeros.
    pub fn totals(&self) -> (Vec<LineTotals>, Totals) {
        let none = || (vec![LineTotals::default(); self.basket.lines.len()], Totals::default());
        self.basket.totals().unwrap_or_else(|_| none())
    }

    pub fn payments(&self) -> impl Iterator<Item = (&Entry, &Payment)> {
        self.history.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Payment(payment) => Some((entry, payment)),
            _ => None,
        })
    }

    pub fn refunds(&self) -> impl Iterator<Item = (&Entry, &Refund)> {
        self.history.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Refund(refund) => Some((entry, refund)),
            _ => None,
        })
    }

    /// What was paid, whatever was given back since. At most the order's total.
    pub fn amount_paid(&self) -> Amount {
        let paid = self.payments().map(|(_, payment)| payment.amount.wide()).sum();
        Amount::of_wide(paid).unwrap_or_default()
    }

    /// At most what was paid.
    pub fn amount_refunded(&self) -> Amount {
        let refunded = self.refunds().map(|(_, refund)| refund.amount.wide()).sum();
        Amount::of_wide(refunded).unwrap_or_default()
    }

    pub fn payment_status(&self, total: Amount) -> PaymentStatus {
        let (paid, refunded) = (self.amount_paid(), self.amount_refunded());
        match () {
            _ if refunded > Amount::ZERO && refunded == paid => PaymentStatus::Refunded,
            _ if refunded > Amount::ZERO => PaymentStatus::PartiallyRefunded,
            _ if paid == total => PaymentStatus::Paid,
            _ if paid == Amount::ZERO => PaymentStatus::Unpaid,
            _ => PaymentStatus::PartiallyPaid,
        }
    }

    /// Where the customer's mails go.
    pub fn recipient(&self, owner: UserId) -> Recipient<'_> {
        let email = self.details.customer.as_ref().and_then(|customer| customer.email.as_ref());
        let is_admins_own = self.placed_by.is_admin && self.placed_by.user == Some(owner);
        match email {
            // A user's word would make the service a relay for strangers.
            Some(email) if self.email_is_admins => Recipient::Address(email),
            None if is_admins_own => Recipient::Nobody,
            _ => Recipient::Owner,
        }
    }
}

/// See [`Content::recipient`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient<'a> {
    Address(&'a EmailAddress),
    /// The account of the user whom the order is for.
    Owner,
    /// Over the counter: the customer is there.
    Nobody,
}
