//! One write transaction that several writes share, and the rows they may touch.
//! Indexes are kept here, beside the rows they speak of, and nowhere else.

mod mails;
mod orders;
mod users;

use redb::{Key, ReadableTable, Table, TableDefinition, Value, WriteTransaction};

use super::schema;
#[cfg(doc)]
use super::schema::meta;
use crate::error::Error;

/// A write as data. The committer may apply it more than once, to different batches,
/// and keeps the effects of the last time only.
pub trait Write: Send + 'static {
    type Output: Send + 'static;

    /// Whether it makes new rows, and so waits while the disk is nearly full.
    const GROWS: bool = true;

    /// Reads and checks first, then writes.
    fn apply(&self, batch: &mut WriteTxn<'_>) -> Result<Self::Output, Failure>;
}

/// Why a write was not applied.
#[derive(Debug)]
pub enum Failure {
    /// Its own fault: the others in the batch go on.
    Refused(Error),
    /// The store's fault: the transaction is lost.
    Broken(redb::Error),
}

pub type Applied<T> = Result<T, Failure>;

/// The tables of one write transaction, opened when they are first touched.
pub struct WriteTxn<'txn> {
    transaction: &'txn WriteTransaction,
    meta: Opened<'txn, &'static str, u64>,
    users: Opened<'txn, u64, &'static [u8]>,
    usernames: Opened<'txn, &'static str, u64>,
    emails: Opened<'txn, &'static str, u64>,
    orders: Opened<'txn, u64, &'static [u8]>,
    orders_by_user: Opened<'txn, (u64, u64), ()>,
    orders_by_hour: Opened<'txn, u64, (u64, u64)>,
    idempotency: Opened<'txn, (u64, &'static str), u64>,
    idempotent_orders: Opened<'txn, u64, &'static str>,
    mails_pending: Opened<'txn, u64, &'static [u8]>,
    mails_sent: Opened<'txn, u64, &'static [u8]>,
    mails_dead: Opened<'txn, u64, &'static [u8]>,
    mails_due: Opened<'txn, (u64, u64), ()>,
    /// The hour of `orders_by_hour` that is known to be open.
    hour: Option<u64>,
    /// [`meta::MAILS_TAKEN_UP_TO`], once it was asked for, and whether it has moved.
    taken: Option<u64>,
    has_taken: bool,
    /// Something was written since the batch began.
    pub(super) dirty: bool,
    /// Mail was queued: the sender is rung after the commit.
    pub(super) queued_mail: bool,
}

impl<'txn> WriteTxn<'txn> {
    pub(super) fn begin(transaction: &'txn WriteTransaction) -> WriteTxn<'txn> {
        WriteTxn {
            transaction,
            meta: Opened::not_yet(schema::META),
            users: Opened::not_yet(schema::USERS),
            usernames: Opened::not_yet(schema::USERNAMES),
            emails: Opened::not_yet(schema::EMAILS),
            orders: Opened::not_yet(schema::ORDERS),
            orders_by_user: Opened::not_yet(schema::ORDERS_BY_USER),
            orders_by_hour: Opened::not_yet(schema::ORDERS_BY_HOUR),
            idempotency: Opened::not_yet(schema::IDEMPOTENCY),
            idempotent_orders: Opened::not_yet(schema::IDEMPOTENT_ORDERS),
            mails_pending: Opened::not_yet(schema::MAILS_PENDING),
            mails_sent: Opened::not_yet(schema::MAILS_SENT),
            mails_dead: Opened::not_yet(schema::MAILS_DEAD),
            mails_due: Opened::not_yet(schema::MAILS_DUE),
            hour: None,
            taken: None,
            has_taken: false,
            dirty: false,
            queued_mail: false,
        }
    }

    /// Writes what was held back for the whole batch. Nothing is applied after it.
    pub(super) fn finish(&mut self) -> Result<(), redb::Error> {
        self.write_taken().map_err(|why| match why {
            Failure::Broken(why) => why,
            Failure::Refused(why) => redb::Error::Corrupted(why.to_string()),
        })
    }
}

/// A table that is opened when it is first touched: opening all of them for every
/// commit would cost more than a small commit itself.
struct Opened<'txn, K: Key + 'static, V: Value + 'static> {
    definition: TableDefinition<'static, K, V>,
    table: Option<Table<'txn, K, V>>,
}

impl<'txn, K: Key + 'static, V: Value + 'static> Opened<'txn, K, V> {
    fn not_yet(definition: TableDefinition<'static, K, V>) -> Self {
        Opened { definition, table: None }
    }

    fn get(&mut self, transaction: &'txn WriteTransaction) -> Applied<&mut Table<'txn, K, V>> {
        match &mut self.table {
            Some(table) => Ok(table),
            empty => Ok(empty.insert(transaction.open_table(self.definition)?)),
        }
    }
}

/// One above the largest key; rows of these tables are never deleted.
fn next_key(table: &Table<'_, u64, &'static [u8]>) -> Applied<u64> {
    Ok(table.last()?.map_or(1, |(key, _)| key.value() + 1))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<redb::StorageError> for Failure {
    fn from(error: redb::StorageError) -> Failure {
        Failure::Broken(error.into())
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Failure {
        Failure::Broken(error.into())
    }
}
