//! The rows of orders, with their indexes and idempotency keys.

use redb::ReadableTable;

use super::{Applied, WriteTxn, next_key};
use crate::domain::{MessageId, Order, OrderId, UserId};
use crate::store::records::{OrderRecord, decode, encode};
use crate::store::schema::{OPEN_END, hour_of};

impl WriteTxn<'_> {
    pub fn next_order_id(&mut self) -> Applied<OrderId> {
        Ok(OrderId(next_key(self.tables.orders()?)?))
    }

    /// Inserts the order with its mail, and its index rows.
    pub fn insert_order(&mut self, order: &Order, message_id: &MessageId) -> Applied<()> {
        let record = encode(&OrderRecord::of(order, message_id))?;
        self.dirty = true;
        self.tables.orders()?.insert(order.id.0, record.as_slice())?;
        self.tables.orders_by_user()?.insert((order.user.0, order.id.0), ())?;
        self.note_hour(order)?;
        self.queued_mail = true;
        Ok(())
    }

    pub fn order(&mut self, id: OrderId) -> Applied<Option<Order>> {
        match self.tables.orders()?.get(id.0)? {
            Some(row) => Ok(Some(decode::<OrderRecord<'_>>(row.value())?.order(id.0))),
            None => Ok(None),
        }
    }

    /// Makes the range of the order's hour include the order: it is open, or is opened now and the
    /// range that was open is closed. So this writes only at the first order of an hour.
    fn note_hour(&mut self, order: &Order) -> Applied<()> {
        let hour = hour_of(order.created_at);
        if self.hour == Some(hour) {
            return Ok(());
        }
        let hours = self.tables.orders_by_hour()?;
        let range = hours.get(hour)?.map(|row| row.value());
        if range.is_none_or(|(_, largest)| largest != OPEN_END) {
            if let Some((open, least)) = open_hour(hours)? {
                hours.insert(open, (least, order.id.0 - 1))?;
            }
            let least = range.map_or(order.id.0, |(least, _)| least);
            hours.insert(hour, (least, OPEN_END))?;
        }
        self.hour = Some(hour);
        Ok(())
    }

    /// The order that the user has placed under that key.
    pub fn order_of_key(&mut self, user: UserId, key: &str) -> Applied<Option<Order>> {
        let row = self.tables.idempotency()?.get((user.0, key))?;
        match row.map(|row| OrderId(row.value())) {
            Some(id) => self.order(id),
            None => Ok(None),
        }
    }

    pub fn insert_key(&mut self, order: &Order, key: &str) -> Applied<()> {
        self.dirty = true;
        self.tables.idempotency()?.insert((order.user.0, key), order.id.0)?;
        self.tables.idempotent_orders()?.insert(order.id.0, key)?;
        Ok(())
    }

    pub fn remove_key(&mut self, order: &Order, key: &str) -> Applied<()> {
        self.dirty = true;
        self.tables.idempotency()?.remove((order.user.0, key))?;
        self.tables.idempotent_orders()?.remove(order.id.0)?;
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

/// The hour whose range is open, and where that begins. Unless the clock was set back it is the
/// last one.
fn open_hour(hours: &impl ReadableTable<u64, (u64, u64)>) -> Applied<Option<(u64, u64)>> {
    for row in hours.iter()?.rev() {
        let (hour, range) = row?;
        let (least, largest) = range.value();
        if largest == OPEN_END {
            return Ok(Some((hour.value(), least)));
        }
    }
    Ok(None)
}
