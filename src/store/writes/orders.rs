//! Places orders, once for each idempotency key, and forgets the keys.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::{MessageId, NewOrder, Order, OrderId, UserId};
use crate::error::Error;
use crate::store::snapshot::PAGE_ROWS;
use crate::store::write_txn::{Applied, Write, WriteTxn};

use super::pruning::Pruned;

/// Places an order and queues its mail, unless its user is gone or disabled.
#[derive(Debug)]
pub struct PlaceOrder {
    pub user: UserId,
    pub order: NewOrder,
    pub message_id: MessageId,
    pub at: Timestamp,
    pub idempotency: Option<Idempotency>,
}

/// The same key gives the same order again.
#[derive(Debug)]
pub struct Idempotency {
    pub key: String,
    /// How long after its order the key is valid.
    pub keep: Duration,
}

/// An order, and whether it was placed by an earlier write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order: Order,
    pub replayed: bool,
}

impl Write for PlaceOrder {
    type Output = Placed;

    /// Checks the user again: once an admin was told that the user is disabled, this user must not
    /// place an order.
    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Placed> {
        txn.require_enabled(self.user)?;
        if let Some(idempotency) = &self.idempotency
            && let Some(placed) = self.replay(txn, idempotency)?
        {
            return Ok(placed);
        }
        let order = Order {
            id: txn.next_order_id()?,
            user: self.user,
            outcome: self.order.outcome,
            created_at: self.at.whole_secs(),
        };
        txn.insert_order(&order, &self.message_id)?;
        if let Some(Idempotency { key, .. }) = &self.idempotency {
            txn.insert_key(&order, key)?;
        }
        Ok(Placed { order, replayed: false })
    }
}

impl PlaceOrder {
    /// The order that was placed under this key. Its row holds all that was ordered, so that the
    /// row itself shows whether the repeated request is the same.
    fn replay(&self, txn: &mut WriteTxn<'_>, idempotency: &Idempotency) -> Applied<Option<Placed>> {
        let Idempotency { key, keep } = idempotency;
        let Some(order) = txn.order_of_key(self.user, key)? else { return Ok(None) };
        if order.created_at + *keep < self.at {
            txn.remove_key(&order, key)?;
            return Ok(None);
        }
        if order.outcome != self.order.outcome {
            return Err(Error::KeyReused { key: key.clone() }.into());
        }
        Ok(Some(Placed { order, replayed: true }))
    }
}

/// Goes through the next [`PAGE_ROWS`] idempotency keys and removes those that are no longer valid.
#[derive(Debug)]
pub struct ForgetKeys {
    pub after: OrderId,
    /// Keys of orders placed before this.
    pub placed_before: Timestamp,
    pub now: Timestamp,
}

impl Write for ForgetKeys {
    type Output = Pruned<OrderId>;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Pruned<OrderId>> {
        let rows = txn.oldest_keys(self.after, PAGE_ROWS)?;
        let mut pruned = Pruned { removed: 0, next: rows.last().map(|(id, _)| *id) };
        for (id, key) in rows {
            match txn.order(id)? {
                Some(order) if order.created_at < self.placed_before => {
                    txn.remove_key(&order, &key)?;
                }
                // Its clock was wrong, or ours is: only later it can be told how old it is.
                Some(order) if order.created_at > self.now => continue,
                Some(_) => {
                    pruned.next = None;
                    break;
                }
                None => txn.drop_key_of_missing(id)?,
            }
            pruned.removed += 1;
        }
        Ok(pruned)
    }
}
