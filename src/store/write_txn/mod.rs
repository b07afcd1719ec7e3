//! One write transaction that several writes share, and the rows they may touch.
//! Indexes are kept here, beside the rows they speak of, and nowhere else.

mod mails;
mod orders;
mod users;

use redb::{ReadableTable, Table, WriteTransaction};

use super::schema::WriteTables;
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

/// One write transaction: its tables, and what its writes have in common.
pub struct WriteTxn<'txn> {
    tables: WriteTables<'txn>,
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
            tables: WriteTables::new(transaction),
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
