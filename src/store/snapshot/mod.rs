//! Typed reads of one moment. Every list is bounded.

mod mails;
mod orders;

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::records::{UserRecord, decode};
use super::schema::{self, meta};
use crate::clock::Timestamp;
use crate::domain::{Role, User, UserId, Username};
use crate::error::{Error, Result};

pub use mails::{DueMails, MailStatus, UnreadableMail};
pub use orders::{Direction, OrderChunk, OrderFilter, Span};

/// Rows that one short transaction goes through, at most.
pub const PAGE_ROWS: usize = 1000;

/// What was committed when the snapshot was taken. Drop it soon: the file can't use the pages
/// again that it sees.
pub struct Snapshot(pub(super) ReadTransaction);

/// What a token is checked against; cheaper to read than the whole [`User`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenStatus {
    pub role: Role,
    pub disabled: bool,
    pub token_generation: u32,
}

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
    pub fn user(&self, id: UserId) -> Result<Option<User>> {
        match self.open(schema::USERS)?.get(id.0)? {
            Some(row) => decode::<UserRecord>(row.value())?.into_user(id.0).map(Some),
            None => Ok(None),
        }
    }

    pub fn token_status(&self, id: UserId) -> Result<Option<TokenStatus>> {
        match self.open(schema::USERS)?.get(id.0)? {
            Some(row) => {
                let UserRecord::V1 { admin, disabled, token_generation, .. } = decode(row.value())?;
                let role = if admin { Role::Admin } else { Role::User };
                Ok(Some(TokenStatus { role, disabled, token_generation }))
            }
            None => Ok(None),
        }
    }

    /// The user of that name; upper and lower case are the same.
    pub fn user_by_name(&self, name: &str) -> Result<Option<User>> {
        let names = self.open(schema::USERNAMES)?;
        match names.get(Username::fold(name).as_str())? {
            Some(row) => self.user(UserId(row.value())),
            None => Ok(None),
        }
    }

    /// Who still has the published default password, if anyone.
    pub fn default_password_user(&self) -> Result<Option<User>> {
        let table = self.open(schema::META)?;
        match table.get(meta::DEFAULT_PASSWORD_USER)? {
            Some(row) => self.user(UserId(row.value())),
            None => Ok(None),
        }
    }

    /// Users with ids above `after`, rising, `limit` at most.
    pub fn users(&self, after: UserId, limit: usize) -> Result<Vec<User>> {
        let table = self.open(schema::USERS)?;
        let range = (Bound::Excluded(after.0), Bound::Unbounded);
        let rows = table.range::<u64>(range)?;
        rows.take(limit)
            .map(|row| {
                let (id, record) = row?;
                decode::<UserRecord>(record.value())?.into_user(id.value())
            })
            .collect()
    }

    /// Reads no row, so that a damaged one does not prevent a start.
    pub fn has_users(&self) -> Result<bool> {
        Ok(!self.open(schema::USERS)?.is_empty()?)
    }

    /// The tables keep these counts themselves, so that the cost does not grow.
    pub fn counts(&self) -> Result<Counts> {
        let pending = self.open(schema::MAILS_PENDING)?;
        let orders = self.open(schema::ORDERS)?;
        let fresh = self.fresh_mails()?;
        let tried = pending.first()?.map(|(id, _)| id.value());
        let oldest = tried.or_else(|| fresh.clone().next());
        let oldest = oldest.map(|id| orders::require_order(&orders, id)).transpose()?;
        Ok(Counts {
            users: self.open(schema::USERS)?.len()?,
            orders: orders.len()?,
            mails_pending: pending.len()? + fresh.count() as u64,
            mails_sent: self.open(schema::MAILS_SENT)?.len()?,
            mails_dead: self.open(schema::MAILS_DEAD)?.len()?,
            oldest_pending: oldest.map(|order| order.created_at),
        })
    }

    fn open<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        definition: redb::TableDefinition<'_, K, V>,
    ) -> Result<redb::ReadOnlyTable<K, V>> {
        self.0.open_table(definition).map_err(Error::storage)
    }
}
