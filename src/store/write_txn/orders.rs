//! The rows of orders, with their indexes and idempotency keys.

use redb::ReadableTable;

use super::{Applied, WriteTxn};
use crate::domain::order::content::Reference;
use crate::domain::order::words::words_of;
use crate::domain::{MailId, MessageId, Order, OrderId, UserId};
use crate::error::Error;
use crate::store::records::{OrderRecord, decode, decode_order, encode};
use crate::store::schema::{OPEN_END, hour_of};

impl WriteTxn<'_> {
    /// Inserts the order with its first mail, if it has one, and its index rows. `mail` is that
    /// mail's id, or else the last that was given.
    pub fn insert_order(
        &mut self,
        order: &Order,
        mail: MailId,
        message_id: Option<&MessageId>,
    ) -> Applied<()> {
        let event = self.next_creation(order.created_at)?;
        let record = encode(&OrderRecord::of(order, mail, message_id, event))?;
        self.dirty = true;
        self.tables.orders()?.insert(order.id.0, record.as_slice())?;
        self.tables.orders_by_user()?.insert((order.user.0, order.id.0), ())?;
        self.note_hour(order)?;
        // The sender passes over an order without a mail, too.
        self.queued_mail = true;
        self.index(None, order)
    }

    /// Writes the row of an order with content that was `old` before, and its index rows.
    pub fn put_order(&mut self, old: &Order, new: &Order) -> Applied<()> {
        let changed = {
            let row = self.tables.orders()?.get(new.id.0)?.ok_or(Error::NotFound)?;
            encode(&decode::<OrderRecord<'_>>(row.value())?.changed_to(new))?
        };
        self.dirty = true;
        self.tables.orders()?.insert(new.id.0, changed.as_slice())?;
        self.index(Some(old), new)
    }

    pub fn order(&mut self, id: OrderId) -> Applied<Option<Order>> {
        match self.tables.orders()?.get(id.0)? {
            Some(row) => Ok(Some(decode_order(id.0, row.value())?)),
            None => Ok(None),
        }
    }

    /// The order that the user has with that reference.
    pub fn order_of_reference(
        &mut self,
        user: UserId,
        reference: &Reference,
    ) -> Applied<Option<OrderId>> {
        let row = self.tables.orders_by_reference()?.get((reference.as_str(), user.0))?;
        Ok(row.map(|row| OrderId(row.value())))
    }
}

impl WriteTxn<'_> {
    /// Makes the index rows of content those of `new`, where they were those of `old`.
    fn index(&mut self, old: Option<&Order>, new: &Order) -> Applied<()> {
        let Some(content) = new.content() else { return Ok(()) };
        let (from, to) = (old.map(Order::status), new.status());
        if from != Some(to) {
            let open = self.tables.orders_open()?;
            if let Some(from) = from.filter(|status| status.is_open()) {
                open.remove((from.code(), new.id.0))?;
            }
            if to.is_open() {
                open.insert((to.code(), new.id.0), ())?;
            }
        }
        let (was, is) = (old.and_then(Order::content).map(words_of), words_of(content));
        let was = was.unwrap_or_default();
        for word in was.difference(&is) {
            self.tables.order_words()?.remove((word.as_str(), new.id.0))?;
        }
        for word in is.difference(&was) {
            self.tables.order_words()?.insert((word.as_str(), new.id.0), ())?;
        }
        if let (None, Some(reference)) = (old, &content.reference) {
            let key = (reference.as_str(), new.user.0);
            self.tables.orders_by_reference()?.insert(key, new.id.0)?;
        }
        Ok(())
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
