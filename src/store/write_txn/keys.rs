//! The idempotency keys of orders.

use redb::ReadableTable;

use super::{Applied, WriteTxn};
use crate::domain::{Order, OrderId, UserId};

impl WriteTxn<'_> {
    /// The order that was placed under that key; `by` is none for the operator.
    pub fn order_of_key(&mut self, by: Option<UserId>, key: &str) -> Applied<Option<Order>> {
        let row = self.tables.idempotency()?.get((number_of(by), key))?;
        match row.map(|row| OrderId(row.value())) {
            Some(id) => self.order(id),
            None => Ok(None),
        }
    }

    pub fn insert_key(&mut self, by: Option<UserId>, key: &str, order: OrderId) -> Applied<()> {
        self.dirty = true;
        self.tables.idempotency()?.insert((number_of(by), key), order.0)?;
        self.tables.idempotent_orders()?.insert(order.0, key)?;
        Ok(())
    }

    pub fn remove_key(&mut self, by: Option<UserId>, key: &str, order: OrderId) -> Applied<()> {
        self.dirty = true;
        self.tables.idempotency()?.remove((number_of(by), key))?;
        self.tables.idempotent_orders()?.remove(order.0)?;
        Ok(())
    }

    /// Removes the key of an order that is missing, so that this row does not stop the others.
    /// Only the order knew whose key it was: the row in `idempotency` stays, and leads nowhere.
    pub fn drop_key_of_missing(&mut self, id: OrderId) -> Applied<()> {
        self.dirty = true;
        self.tables.idempotent_orders()?.remove(id.0)?;
        Ok(())
    }

    /// The keys of the oldest orders that have one, `limit` at most.
    pub fn oldest_keys(&mut self, after: OrderId, limit: usize) -> Applied<Vec<(OrderId, String)>> {
        let table = self.tables.idempotent_orders()?;
        let rows = table.range(after.0.saturating_add(1)..)?.take(limit).map(|row| {
            let (id, key) = row?;
            Ok((OrderId(id.value()), key.value().to_owned()))
        });
        rows.collect()
    }
}

/// Whose keys they are, in `idempotency`: ids of users begin at 1.
fn number_of(by: Option<UserId>) -> u64 {
    by.map_or(0, |user| user.0)
}
