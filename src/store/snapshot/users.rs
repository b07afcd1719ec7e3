//! Reads users.

use std::ops::Bound;

use redb::ReadableTableMetadata;

use super::Snapshot;
use crate::domain::{Role, User, UserId, Username};
use crate::error::Result;
use crate::store::records::{UserRecord, decode};
use crate::store::schema::{self, meta};

/// What a token is checked against; cheaper to read than the whole [`User`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenStatus {
    pub role: Role,
    pub disabled: bool,
    pub token_generation: u32,
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
}
