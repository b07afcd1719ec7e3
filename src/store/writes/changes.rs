//! Changes orders with content.

use crate::clock::Timestamp;
use crate::domain::event::{Event, EventId, EventType};
use crate::domain::order::content::Recipient;
use crate::domain::order::{Actor, Already, Change, OrderBody, Status};
use crate::domain::{MailKind, MessageId, Order, OrderId};
use crate::error::{Error, Result};
use crate::store::records::MailIdentity;
use crate::store::write_txn::{Applied, Write, WriteTxn};

/// Makes one change of an order, and queues the mail that tells of it.
#[derive(Debug)]
pub struct ChangeOrder {
    pub id: OrderId,
    pub by: Actor,
    pub change: Change,
    pub condition: Option<Condition>,
    /// Of the mail, if there is one.
    pub message_id: MessageId,
    pub at: Timestamp,
}

/// Which versions of the order may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Any, as long as the order is there.
    Exists,
    OneOf(Vec<u64>),
}

/// An order after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub order: Order,
    /// The change had been made by an earlier write.
    pub replayed: bool,
    /// Anything is different now.
    pub is_new: bool,
}

impl Write for ChangeOrder {
    type Output = Changed;

    /// The order of the checks is part of the contract: a retry of what has worked is never an
    /// error, and nobody hears of an order that they may not see.
    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Changed> {
        if let Some(user) = self.by.user {
            txn.require_enabled(user)?;
        }
        let old = self.visible(txn.order(self.id)?)?;
        if let Some(already) = already(&old, &self.change)? {
            let replayed = already == Already::Replayed;
            return Ok(Changed { order: old, replayed, is_new: false });
        }
        self.check_condition(&old)?;
        let mut new = old.clone();
        let OrderBody::Content(content) = &mut new.body else { return Err(self.refuse_simple()) };
        content.permit(&self.change, self.by)?;
        if !content.make(&self.change, self.by, self.at)? {
            return Ok(Changed { order: old, replayed: false, is_new: false });
        }
        let tells_customer = content.recipient(new.user) != Recipient::Nobody;
        if let Some(kind) = mail_of(&self.change)
            && tells_customer
            && !content.mails.has(kind)
        {
            let id = txn.next_mail_id()?;
            content.mails.add(kind, id);
            let mail = MailIdentity {
                order: new.id,
                kind,
                queued_at: Some(self.at.whole_secs()),
                message_id: self.message_id.clone(),
                to: None,
            };
            txn.queue(id, mail, self.at)?;
        }
        txn.put_order(&old, &new)?;
        if let Some(kind) = EventType::of(&self.change) {
            txn.note_event(Event {
                id: EventId::default(),
                kind,
                at: self.at,
                order: new.id,
                version: new.version(),
                previous_status: previous_status(&old, &new),
                actor: self.by.user,
            })?;
        }
        Ok(Changed { order: new, replayed: false, is_new: true })
    }
}

impl ChangeOrder {
    fn visible(&self, order: Option<Order>) -> Result<Order> {
        let sees = |order: &Order| self.by.is_admin || self.by.user == Some(order.user);
        order.filter(sees).ok_or(Error::NotFound)
    }

    fn check_condition(&self, order: &Order) -> Result<()> {
        match &self.condition {
            Some(Condition::OneOf(versions)) if !versions.contains(&order.version()) => {
                Err(Error::PreconditionFailed)
            }
            _ => Ok(()),
        }
    }

    fn refuse_simple(&self) -> crate::store::write_txn::Failure {
        match self.by.is_admin || matches!(self.change, Change::Update(_)) {
            true => Error::conflict("This order has no content").into(),
            false => Error::Forbidden("Admin privileges required").into(),
        }
    }
}

fn already(order: &Order, change: &Change) -> Result<Option<Already>> {
    match order.content() {
        Some(content) => content.already(change),
        None => match change {
            Change::Status { to, .. } if *to == order.status() => Ok(Some(Already::Unchanged)),
            _ => Ok(None),
        },
    }
}

fn previous_status(old: &Order, new: &Order) -> Option<Status> {
    (old.status() != new.status()).then_some(old.status())
}

/// The mail that tells the customer of the change.
fn mail_of(change: &Change) -> Option<MailKind> {
    match change {
        Change::Status { to: Status::Ready, .. } => Some(MailKind::Ready),
        Change::Status { to: Status::Canceled, .. } => Some(MailKind::Canceled),
        _ => None,
    }
}
