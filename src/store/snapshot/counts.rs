//! Counts what is stored.

use redb::{ReadableTable, ReadableTableMetadata};

use super::Snapshot;
use super::orders::require_order;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::schema;

/// How many rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub users: u64,
    pub orders: u64,
    pub mails_pending: u64,
    pub mails_sent: u64,
    pub mails_dead: u64,
    /// When the order of the oldest pending mail was placed.
    pub oldest_pending: Option<Timestamp>,
}

impl Snapshot {
    /// How many orders there are; the table keeps this count itself.
    pub fn order_count(&self) -> Result<u64> {
        Ok(self.open(schema::ORDERS)?.len()?)
    }

    /// The tables keep these counts themselves, so that the cost does not grow.
    pub fn counts(&self) -> Result<Counts> {
        let pending = self.open(schema::MAILS_PENDING)?;
        let orders = self.open(schema::ORDERS)?;
        let fresh = self.fresh_mails()?;
        let tried = pending.first()?.map(|(id, _)| id.value());
        let oldest = tried.or_else(|| fresh.clone().next());
        let oldest = oldest.map(|id| require_order(&orders, id)).transpose()?;
        Ok(Counts {
            users: self.open(schema::USERS)?.len()?,
            orders: orders.len()?,
            mails_pending: pending.len()? + fresh.count() as u64,
            mails_sent: self.open(schema::MAILS_SENT)?.len()?,
            mails_dead: self.open(schema::MAILS_DEAD)?.len()?,
            oldest_pending: oldest.map(|order| order.created_at),
        })
    }
}
