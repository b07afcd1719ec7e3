//! One write transaction that the writes of a batch share, and its rows. A row and its indexes
//! are only changed here, together.

mod api_keys;
mod events;
mod keys;
mod mails;
mod orders;
mod sequences;
mod users;
mod webhooks;

pub use users::UserKeys;

use redb::{ReadableTable, Table, WriteTransaction};

pub(super) use sequences::Sequences;

use super::schema::WriteTables;
#[cfg(doc)]
use super::schema::meta;
use crate::error::Error;

/// A write as data. The committer may apply it more than once, in one transaction after the
/// other; only one of them is committed.
pub trait Write: Send + 'static {
    type Output: Send + 'static;

    /// Whether it makes new rows. Such a write is refused while the disk is nearly full.
    const GROWS: bool = true;

    /// Reads and checks first, then writes.
    fn apply(&self, txn: &mut WriteTxn<'_>) -> Result<Self::Output, Failure>;
}

/// Why a write was not applied.
#[derive(Debug)]
pub enum Failure {
    /// The write itself can't be done. The others in its batch go on.
    Refused(Error),
    /// The store failed. The transaction is lost.
    Broken(redb::Error),
}

impl Failure {
    /// The same failure; a refusal with another error.
    pub fn refused_as(self, error: impl FnOnce() -> Error) -> Failure {
        match self {
            Failure::Refused(_) => Failure::Refused(error()),
            broken => broken,
        }
    }
}

pub type Applied<T> = Result<T, Failure>;

/// A row that can't be read counts as missing, where it must not stop what is done with others.
pub fn readable<T>(found: Applied<Option<T>>) -> Applied<Option<T>> {
    match found {
        Err(Failure::Refused(Error::Internal(_))) => Ok(None),
        found => found,
    }
}

/// The tables of one write transaction, and what is known across the writes of its batch.
pub struct WriteTxn<'txn> {
    tables: WriteTables<'txn>,
    /// None until an id is asked for, where the last commit did not hand them on.
    pub(super) sequences: Option<Sequences>,
    /// The hour whose range in `orders_by_hour` is known to be open.
    hour: Option<u64>,
    /// [`meta::MAILS_TAKEN_UP_TO`] once it was read, and whether it has changed since.
    mails_taken_up_to: Option<u64>,
    mails_were_taken: bool,
    /// The write under way has written something. It is set to false before each write.
    pub(super) dirty: bool,
    /// Mail was queued: the sender is woken after the commit.
    pub(super) queued_mail: bool,
    /// A webhook was made, changed or removed: whoever delivers is woken after the commit.
    pub(super) changed_webhooks: bool,
}

impl<'txn> WriteTxn<'txn> {
    /// `sequences` are those of the last commit, where they are known.
    pub(super) fn begin(
        transaction: &'txn WriteTransaction,
        sequences: Option<Sequences>,
    ) -> WriteTxn<'txn> {
        WriteTxn {
            tables: WriteTables::new(transaction),
            sequences,
            hour: None,
            mails_taken_up_to: None,
            mails_were_taken: false,
            dirty: false,
            queued_mail: false,
            changed_webhooks: false,
        }
    }

    /// Writes what the batch writes only once. No write is applied after it.
    pub(super) fn finish(&mut self) -> Result<(), redb::Error> {
        self.write_mails_taken().map_err(|why| match why {
            Failure::Broken(why) => why,
            Failure::Refused(why) => redb::Error::Corrupted(why.to_string()),
        })
    }
}

/// One above the largest key. An id is never used again, since rows of these tables are never
/// removed.
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
