//! Reads users.

use std::collections::BTreeSet;
use std::ops::Bound;

use redb::{ReadOnlyTable, ReadableTableMetadata};

use super::Snapshot;
use crate::clock::Timestamp;
use crate::domain::{Network, Role, User, UserId, Username};
use crate::error::Result;
use crate::store::records::{UserRecord, decode};
use crate::store::schema::{self, meta};

/// What a token is checked against; cheaper to read than the whole [`User`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStatus {
    pub username: Box<str>,
    pub role: Role,
    pub disabled: bool,
    pub token_generation: u32,
}

/// The lowest ids above one of them, `limit` at most, each once.
struct LowestIds {
    after: u64,
    limit: usize,
    ids: BTreeSet<u64>,
}

impl LowestIds {
    /// Adds what the keys lead to that begin with the prefix.
    fn add_from(&mut self, index: &ReadOnlyTable<&str, u64>, prefix: &str) -> Result<()> {
        for row in index.range(prefix..)? {
            let (key, id) = row?;
            if !key.value().starts_with(prefix) {
                break;
            }
            if id.value() > self.after {
                self.ids.insert(id.value());
            }
            if self.ids.len() > self.limit {
                self.ids.pop_last();
            }
        }
        Ok(())
    }
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
                let UserRecord::V1 { username, admin, disabled, token_generation, .. } =
                    decode(row.value())?;
                let role = if admin { Role::Admin } else { Role::User };
                let username = username.into();
                Ok(Some(TokenStatus { username, role, disabled, token_generation }))
            }
            None => Ok(None),
        }
    }

    /// The user of that name. A user of old is found by the exact spelling first, in either
    /// case, since others may have names that are the same by now.
    pub fn user_by_name(&self, name: &str) -> Result<Option<User>> {
        let names = self.open(schema::USERNAMES)?;
        for folded in [Username::fold_of_old(name), Username::fold(name)] {
            if let Some(row) = names.get(folded.as_str())? {
                return self.user(UserId(row.value()));
            }
        }
        Ok(None)
    }

    /// When the user has last logged in from that network, to the day; `None` if never, or if
    /// that is forgotten.
    pub fn last_login_from(&self, user: UserId, network: Network) -> Result<Option<Timestamp>> {
        let row = self.open(schema::KNOWN_NETWORKS)?.get((user.0, network.to_bits()))?;
        Ok(row.map(|row| Timestamp::from_secs(row.value())))
    }

    /// Whether any user has logged in from that network.
    pub fn is_known_network(&self, network: Network) -> Result<bool> {
        let bits = network.to_bits();
        let mut users = self.open(schema::NETWORK_USERS)?.range((bits, 0)..=(bits, u64::MAX))?;
        Ok(users.next().transpose()?.is_some())
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

    /// Users with ids above `after`, rising, `limit` at most, whose name or address begins with
    /// that text. It looks through all names and addresses that do.
    pub fn users_like(&self, prefix: &str, after: UserId, limit: usize) -> Result<Vec<User>> {
        let mut found = LowestIds { after: after.0, limit, ids: BTreeSet::new() };
        let names = self.open(schema::USERNAMES)?;
        found.add_from(&names, &Username::fold(prefix))?;
        found.add_from(&names, &Username::fold_of_old(prefix))?;
        found.add_from(&self.open(schema::EMAILS)?, &prefix.trim().to_ascii_lowercase())?;
        let users = found.ids.into_iter().map(|id| self.user(UserId(id)));
        users.filter_map(Result::transpose).collect()
    }

    /// Reads no row, so that a damaged one does not prevent a start.
    pub fn has_users(&self) -> Result<bool> {
        Ok(!self.open(schema::USERS)?.is_empty()?)
    }
}
