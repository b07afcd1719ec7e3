//! Whether what is stored is consistent: every row has the rows that belong to it, and no row
//! belongs to one that is missing.

mod api_keys;
mod events;
mod mails;
mod orders;
#[cfg(test)]
mod tests;
mod webhooks;

use std::path::Path;

use redb::{
    Builder, Database, Key, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, Value,
};

use super::migrations;
use super::open_error::OpenError;
use super::records::{OrderPrefix, UserRecord, decode};
use super::schema::{OPEN_END, ReadTables, VERSION, hour_of};
use crate::domain::{EmailAddress, Username};
use crate::error::{Error, Result};

/// What a check has found.
#[derive(Debug, Default)]
pub struct Check {
    /// Rows of each table.
    pub rows: Vec<(&'static str, u64)>,
    /// The first `MAX_DESCRIBED` faults, in words for the operator.
    pub faults: Vec<String>,
    /// All faults.
    pub fault_count: u64,
}

/// What the library may keep of the file in memory while it is checked.
const CACHE_BYTES: usize = 4 << 20;

/// Faults that are described in words; further ones are only counted.
const MAX_DESCRIBED: usize = 100;

/// Checks a file that no process has open: first the library's checksums, then whether the rows
/// are consistent. Opening the file repairs what a crash has left.
///
/// # Errors
/// The file can't be opened, or is of a version that this program can't check.
pub fn check_file(path: &Path) -> std::result::Result<Check, OpenError> {
    let mut builder = Builder::new();
    // It reads each row once or twice, in order: the library's default of 1 GiB would fill up.
    builder.set_cache_size(CACHE_BYTES);
    check_database(builder.open(path)?)
}

pub(super) fn check_database(mut database: Database) -> std::result::Result<Check, OpenError> {
    match migrations::version_of(&database)? {
        VERSION => {}
        found if found > VERSION => return Err(OpenError::Newer { found }),
        found => return Err(OpenError::Older { found }),
    }
    let whole = database.check_integrity()?;
    let unreadable = |why: String| OpenError::Unreadable(why);
    let read = database.begin_read().map_err(|why| unreadable(why.to_string()))?;
    let mut check = Check::of(&read).map_err(|why| unreadable(why.to_string()))?;
    if !whole {
        check.fault("the file's structure had to be repaired".into());
    }
    Ok(check)
}

impl Check {
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    /// Reads everything that the transaction sees, with a bounded use of memory.
    pub(super) fn of(transaction: &ReadTransaction) -> Result<Check> {
        let tables = ReadTables::open(transaction)?;
        let mut check = Check { rows: tables.rows()?, ..Check::default() };
        check.users(&tables)?;
        check.names(&tables)?;
        check.networks(&tables)?;
        check.api_keys(&tables)?;
        check.orders(&tables)?;
        check.events(&tables)?;
        check.webhooks(&tables)?;
        check.hours(&tables)?;
        check.keys(&tables)?;
        check.pending(&tables)?;
        check.ended(&tables)?;
        check.due(&tables)?;
        Ok(check)
    }

    fn users(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.users.iter()? {
            let (id, record) = row?;
            let id = id.value();
            let Some(user) = self.decoded::<UserRecord<'_>>("user", id, record.value()) else {
                continue;
            };
            let UserRecord::V1 { username, email, .. } = user;
            self.require(tables.user_named(username)? == Some(id), || {
                format!("user {id} is not found by name")
            });
            let Ok(email) = EmailAddress::parse(email) else {
                self.fault(format!("user {id} has an invalid address"));
                continue;
            };
            let found = value(&tables.emails, email.fold().as_str())?;
            self.require(found == Some(id), || format!("user {id} is not found by address"));
        }
        Ok(())
    }

    /// Every name leads to a user of that name. [`Check::users`] has found every user by address:
    /// if there are as many addresses as users, none of them leads anywhere else.
    fn names(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.usernames.iter()? {
            let (name, id) = row?;
            let (name, id) = (name.value(), id.value());
            let found = tables.users.get(id)?;
            let fits = found.is_some_and(|record| match decode(record.value()) {
                Ok(UserRecord::V1 { username, .. }) => {
                    [Username::fold(username), Username::fold_of_old(username)]
                        .iter()
                        .any(|it| it == name)
                }
                // Already told.
                Err(_) => true,
            });
            self.require(fits, || format!("the name {name:?} leads to user {id}"));
        }
        let (users, addresses) = (tables.users.len()?, tables.emails.len()?);
        let equal = users == addresses;
        self.require(equal, || format!("{addresses} rows in emails for {users} users"));
        Ok(())
    }

    fn networks(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.known_networks.iter()? {
            let (user, network) = row?.0.value();
            let fits = has(&tables.users, user)? && has(&tables.network_users, (network, user))?;
            self.require(fits, || format!("user {user} has a network that is not listed"));
        }
        let (known, listed) = (tables.known_networks.len()?, tables.network_users.len()?);
        self.require(known == listed, || format!("{known} known networks, {listed} listed"));
        Ok(())
    }

    /// Every range begins and ends at an order of its hour, except that one range may be open.
    /// `Check::orders` has seen that every order is in its hour's range.
    fn hours(&mut self, tables: &ReadTables) -> Result<()> {
        let mut open = 0;
        for row in tables.orders_by_hour.iter()? {
            let (hour, range) = row?;
            let (least, largest) = range.value();
            let is_open = largest == OPEN_END;
            open += u64::from(is_open);
            let hour = hour.value();
            let is_of_hour = |order| {
                let placed_in = tables.prefix_of_order(order, |it| hour_of(it.created_at()))?;
                Ok::<bool, Error>(placed_in == Some(hour))
            };
            let fits = is_of_hour(least)? && (is_open || is_of_hour(largest)?);
            self.require(fits && least <= largest, || {
                format!("hour {hour} is of orders {least} to {largest}")
            });
        }
        self.require(open <= 1, || format!("{open} hours are open"));
        Ok(())
    }

    /// A key leads to an order that its user has placed, for whomever, and that leads back to it.
    fn keys(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.idempotency.iter()? {
            let (place, order) = row?;
            let ((user, key), order) = (place.value(), order.value());
            let placed_by = tables.prefix_of_order(order, |it| it.placed_by())?;
            let is_users = placed_by.is_some_and(|it| it.map_or(0, |it| it.0) == user);
            self.require(is_users, || format!("a key of user {user} leads to order {order}"));
            let back = tables.idempotent_orders.get(order)?;
            let leads_back = back.is_some_and(|found| found.value() == key);
            self.require(leads_back, || format!("order {order} doesn't lead to its key"));
        }
        let (keys, orders) = (tables.idempotency.len()?, tables.idempotent_orders.len()?);
        self.require(keys == orders, || format!("{keys} keys for {orders} orders with one"));
        Ok(())
    }

    fn decoded<'a, T: serde::Deserialize<'a>>(
        &mut self,
        what: &str,
        id: u64,
        bytes: &'a [u8],
    ) -> Option<T> {
        decode(bytes).map_err(|why| self.fault(format!("{what} {id}: {why}"))).ok()
    }

    fn require(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.fault(fault());
        }
    }

    fn fault(&mut self, fault: String) {
        self.fault_count += 1;
        if self.faults.len() < MAX_DESCRIBED {
            self.faults.push(fault);
        }
    }
}

impl ReadTables {
    fn rows(&self) -> Result<Vec<(&'static str, u64)>> {
        Ok(vec![
            ("users", self.users.len()?),
            ("api_keys", self.api_keys.len()?),
            ("orders", self.orders.len()?),
            ("mails_pending", self.mails_pending.len()? + self.fresh_mails()?),
            ("mails_sent", self.mails_sent.len()?),
            ("mails_dead", self.mails_dead.len()?),
        ])
    }

    /// What is asked of what stands before the body in an order's row, where that can be read.
    fn prefix_of_order<T>(
        &self,
        order: u64,
        ask: impl FnOnce(&OrderPrefix<'_>) -> T,
    ) -> Result<Option<T>> {
        let row = self.orders.get(order)?;
        Ok(row.and_then(|row| decode::<OrderPrefix<'_>>(row.value()).ok().map(|it| ask(&it))))
    }

    fn user_named(&self, name: &str) -> Result<Option<u64>> {
        for folded in [Username::fold_of_old(name), Username::fold(name)] {
            if let Some(id) = value(&self.usernames, folded.as_str())? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

fn has<K: Key + 'static, V: Value + 'static>(
    table: &ReadOnlyTable<K, V>,
    key: K::SelfType<'_>,
) -> Result<bool> {
    Ok(table.get(key)?.is_some())
}

fn value<K: Key + 'static, V: for<'a> Value<SelfType<'a> = V> + 'static>(
    table: &ReadOnlyTable<K, V>,
    key: K::SelfType<'_>,
) -> Result<Option<V>> {
    Ok(table.get(key)?.map(|row| row.value()))
}
