//! Forgets idempotency keys.

use crate::clock::Timestamp;
use crate::domain::OrderId;
use crate::store::snapshot::PAGE_ROWS;
use crate::store::write_txn::{Applied, Failure, Write, WriteTxn};

use super::pruning::Pruned;

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
            match txn.order(id) {
                // It can't be told how old it is.
                Err(Failure::Refused(_)) => continue,
                Err(broken) => return Err(broken),
                Ok(None) => txn.drop_key_of_missing(id)?,
                Ok(Some(order)) if order.created_at < self.placed_before => {
                    txn.remove_key(order.placed_by(), &key, id)?;
                }
                // Its clock was wrong, or ours is: only later it can be told how old it is.
                Ok(Some(order)) if order.created_at > self.now => continue,
                Ok(Some(_)) => {
                    pruned.next = None;
                    break;
                }
            }
            pruned.removed += 1;
        }
        Ok(pruned)
    }
}
