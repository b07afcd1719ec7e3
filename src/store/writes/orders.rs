//! Places orders, once for each idempotency key.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::domain::order::content::{Content, Fingerprint, Mails, NewContent, PlacedBy, Recipient};
use crate::domain::order::{Actor, OrderBody, Status};
use crate::domain::{EmailAddress, MailKind, MessageId, NewOrder, Order, Outcome, UserId};
use crate::error::{Conflict, Error, Fact, Result, Unauthenticated};
use crate::store::records::{ContentRecord, MailIdentity, encode};
use crate::store::write_txn::{Applied, Write, WriteTxn};

/// What a fingerprint is made of: the record of the content, as version 5 of the file has it.
const FINGERPRINT_VERSION: u8 = 1;

/// Places an order and queues its mails, unless its user is gone or disabled.
#[derive(Debug)]
pub struct PlaceOrder {
    pub by: Actor,
    pub order: NewOrder,
    /// Of the customer's mail, if there is one.
    pub message_id: MessageId,
    /// Tells the shop of an order with content.
    pub notice: Option<Notice>,
    pub at: Timestamp,
    pub idempotency: Option<Idempotency>,
}

/// A mail to the shop.
#[derive(Clone, Debug)]
pub struct Notice {
    pub to: EmailAddress,
    pub message_id: MessageId,
}

/// The same key of the same user gives the same order again.
#[derive(Debug)]
pub struct Idempotency {
    pub key: String,
    /// How long after its order the key is valid.
    pub keep: Duration,
}

/// An order, and whether it was placed by an earlier write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order: Order,
    pub replayed: bool,
}

impl Write for PlaceOrder {
    type Output = Placed;

    /// Checks the user again: once an admin was told that the user is disabled, this user must not
    /// place an order.
    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Placed> {
        if let Some(user) = self.by.user {
            txn.require_enabled(user)?;
        }
        let fingerprint = self.fingerprint()?;
        if let Some(placed) = self.replay(txn, fingerprint)? {
            return Ok(placed);
        }
        let user = self.owner()?;
        if Some(user) != self.by.user {
            txn.require_enabled(user).map_err(|why| why.refused_as(|| Error::NotFound))?;
        }
        let created_at = self.at.whole_secs();
        let body = match &self.order {
            NewOrder::Simple(outcome) => OrderBody::Simple(*outcome),
            NewOrder::Content(new) => {
                if let Some(reference) = &new.reference
                    && let Some(order) = txn.order_of_reference(user, reference)?
                {
                    let conflict = Conflict::new("Reference already used");
                    return Err(Error::from(conflict.with(Fact::OrderId(order.0))).into());
                }
                OrderBody::Content(Box::new(self.content(new, fingerprint)))
            }
        };
        let id = txn.next_order_id()?;
        let order = self.insert(txn, Order { id, user, created_at, body })?;
        if let Some(Idempotency { key, .. }) = &self.idempotency {
            txn.insert_key(self.by.user, key, id)?;
        }
        Ok(Placed { order, replayed: false })
    }
}

impl PlaceOrder {
    /// A simple order of that user, without a key.
    pub fn simple(
        user: UserId,
        outcome: Outcome,
        message_id: MessageId,
        at: Timestamp,
    ) -> PlaceOrder {
        PlaceOrder {
            by: Actor { user: Some(user), is_admin: false },
            order: NewOrder::Simple(outcome),
            message_id,
            notice: None,
            at,
            idempotency: None,
        }
    }

    /// Whom the order is for.
    fn owner(&self) -> Result<UserId> {
        let named = match &self.order {
            NewOrder::Simple(_) => None,
            NewOrder::Content(content) => content.owner,
        };
        named.or(self.by.user).ok_or(Error::Unauthenticated(Unauthenticated::Missing))
    }

    /// Inserts the order, with the mails that it sends at once.
    fn insert(&self, txn: &mut WriteTxn<'_>, mut order: Order) -> Applied<Order> {
        let user = order.user;
        let OrderBody::Content(content) = &mut order.body else {
            let mail = txn.next_mail_id()?;
            txn.insert_order(&order, mail, Some(&self.message_id))?;
            return Ok(order);
        };
        let tells_customer = content.recipient(user) != Recipient::Nobody;
        let mail = match tells_customer {
            true => {
                let mail = txn.next_mail_id()?;
                content.mails.add(MailKind::Placed, mail);
                mail
            }
            false => txn.last_mail_id()?,
        };
        if let Some(Notice { to, message_id }) = &self.notice {
            let id = txn.next_mail_id()?;
            content.mails.add(MailKind::Notify, id);
            let notice = MailIdentity {
                order: order.id,
                kind: MailKind::Notify,
                queued_at: Some(order.created_at),
                message_id: message_id.clone(),
                to: Some(to.clone()),
            };
            txn.queue(id, notice, self.at)?;
        }
        txn.insert_order(&order, mail, tells_customer.then_some(&self.message_id))?;
        Ok(order)
    }

    /// The order that was placed under this key, as it is now.
    fn replay(
        &self,
        txn: &mut WriteTxn<'_>,
        fingerprint: Option<Fingerprint>,
    ) -> Applied<Option<Placed>> {
        let Some(Idempotency { key, keep }) = &self.idempotency else { return Ok(None) };
        let by = self.by.user;
        let Some(order) = txn.order_of_key(by, key)? else { return Ok(None) };
        if order.created_at + *keep < self.at {
            txn.remove_key(by, key, order.id)?;
            return Ok(None);
        }
        // The row of a simple order holds all that was ordered.
        let is_same = match (&order.body, &self.order) {
            (OrderBody::Simple(placed), NewOrder::Simple(asked)) => placed == asked,
            (OrderBody::Content(placed), NewOrder::Content(_)) => {
                placed.placed_by.fingerprint == fingerprint
            }
            _ => false,
        };
        match is_same {
            true => Ok(Some(Placed { order, replayed: true })),
            false => Err(Error::KeyReused { key: key.clone() }.into()),
        }
    }

    fn content(&self, new: &NewContent, fingerprint: Option<Fingerprint>) -> Content {
        let customer = new.details.customer.as_ref();
        let has_email = customer.is_some_and(|customer| customer.email.is_some());
        let (user, is_admin) = (self.by.user, self.by.is_admin);
        Content {
            basket: new.basket.clone(),
            reference: new.reference.clone(),
            details: new.details.clone(),
            status: Status::Pending,
            cancel_reason: None,
            updated_at: self.at.whole_secs(),
            closed_at: None,
            placed_by: PlacedBy { user, is_admin, fingerprint },
            email_is_admins: is_admin && has_email,
            mails: Mails::default(),
            history: Vec::new(),
        }
    }

    /// Of what was asked for, and for whom: note and customer may have changed when the request
    /// is repeated. None where there is no key to repeat it with.
    fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        let (NewOrder::Content(new), Some(_)) = (&self.order, &self.idempotency) else {
            return Ok(None);
        };
        let mut asked = self.content(new, None);
        (asked.updated_at, asked.placed_by.is_admin) = (Timestamp::EPOCH, false);
        (asked.placed_by.user, asked.email_is_admins) = (Some(self.owner()?), false);
        let bytes = encode(&ContentRecord::from(&asked))?;
        let (version, hash) = (FINGERPRINT_VERSION, Sha256::digest(bytes).into());
        Ok(Some(Fingerprint { version, hash }))
    }
}
