//! Counts what is stored.

use redb::{ReadableTable, ReadableTableMetadata};

use super::Snapshot;
use crate::clock::Timestamp;
use crate::domain::MailId;
use crate::error::Result;
use crate::store::records::{OrderPrefix, PendingMail, PendingRecord, decode};
use crate::store::schema;

/// How many rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub users: u64,
    pub orders: u64,
    pub mails_pending: u64,
    pub mails_sent: u64,
    pub mails_dead: u64,
    /// When the oldest pending mail was queued.
    pub oldest_pending: Option<Timestamp>,
}

impl Snapshot {
    /// How many orders there are; the table keeps this count itself.
    pub fn order_count(&self) -> Result<u64> {
        Ok(self.open(schema::ORDERS)?.len()?)
    }

    /// The tables keep these counts themselves, so that the cost does not grow. A row that can't be
    /// read has no age, and counts all the same.
    pub fn counts(&self) -> Result<Counts> {
        let pending = self.open(schema::MAILS_PENDING)?;
        let orders = self.open(schema::ORDERS)?;
        let fresh = self.fresh_orders()?;
        let own = match pending.first()? {
            Some((id, row)) => {
                let id = MailId(id.value());
                let pending = decode::<PendingRecord>(row.value()).and_then(|it| it.into_mail(id));
                pending.ok().map(|PendingMail { mail, .. }| (mail.queued_at, mail.order.0))
            }
            None => None,
        };
        let (queued_at, order) = own.unwrap_or((None, *fresh.start()));
        let placed_at = match orders.get(order)? {
            Some(row) => decode::<OrderPrefix<'_>>(row.value()).ok().map(|it| it.created_at()),
            None => None,
        };
        Ok(Counts {
            users: self.open(schema::USERS)?.len()?,
            orders: orders.len()?,
            mails_pending: pending.len()? + fresh.count() as u64,
            mails_sent: self.open(schema::MAILS_SENT)?.len()?,
            mails_dead: self.open(schema::MAILS_DEAD)?.len()?,
            oldest_pending: queued_at.or(placed_at),
        })
    }
}
