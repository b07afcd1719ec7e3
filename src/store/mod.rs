//! Orders, users and the outbox, in one file.
//!
//! Invariants:
//! - One thread at a time has the turn to commit. It applies everything that waits to one
//!   transaction, commits once, durably, and only then answers everyone.
//! - A write reads and checks before it writes; one that is refused leaves no trace, and
//!   hears of it once what it was refused for is on disk.
//! - What can be read is on disk, after an I/O error and after a crash too.
//! - Reads are MVCC snapshots: they don't wait for a commit, but for the moment in which the
//!   library syncs a file that it has made longer.
//! - No transaction is open while anything waits for a network, a hash or a client.

mod backup;
mod check;
mod commit;
mod database;
mod migrations;
mod records;
mod schema;
mod snapshot;
mod upkeep;
mod wakeup;
mod write_txn;
mod writes;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics::Metrics;

use commit::GroupCommit;
use database::DatabaseHandle;

pub use backup::{BackupReport, check_file};
pub use check::Check;
pub use commit::{SettledCall, WriteHandle};
pub use database::{CreationLock, FileStorage, OpenError, Storage, lock_creation, lock_file};
pub use schema::VERSION as SCHEMA_VERSION;
pub use snapshot::{
    Counts, Direction, DueMails, MailStatus, OrderChunk, OrderFilter, Snapshot, Span, TokenStatus,
    UnreadableMail,
};
pub use upkeep::{BackupPlan, RunningUpkeep, Upkeep, UpkeepPlan};
pub use wakeup::Wakeup;
pub use write_txn::Write;
pub use writes::{
    Attempt, CreateFirstAdmin, CreateUser, ForgetKeys, Idempotency, MailMark, MarkMails,
    PlaceOrder, Placed, PruneSent, Pruned, QuarantineMail, Rehash, RetryMail, SetDisabled,
    SetPassword, Trial,
};

/// Rows that one short read transaction gives at most.
pub const PAGE_ROWS: usize = 1000;

/// The store's handle; clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<DatabaseHandle>,
    committer: Arc<GroupCommit>,
    backups: Arc<backup::BackupLock>,
}

impl Store {
    /// Opens the file at `path`, or makes it and its folder, and brings an older one up
    /// to [`SCHEMA_VERSION`].
    pub fn open(
        path: &Path,
        clock: Clock,
        metrics: &Metrics,
    ) -> std::result::Result<Store, OpenError> {
        Store::open_on(Box::new(FileStorage::new(path)), clock, metrics)
    }

    /// Opens on any storage; tests bring ones that fail and forget.
    pub fn open_on(
        storage: Box<dyn Storage>,
        clock: Clock,
        metrics: &Metrics,
    ) -> std::result::Result<Store, OpenError> {
        let database = Arc::new(DatabaseHandle::open(storage)?);
        let committer = GroupCommit::start(database.clone(), clock, metrics.store.clone())
            .map_err(|why| OpenError::Io(why.to_string()))?;
        Ok(Store { database, committer: Arc::new(committer), backups: Arc::default() })
    }

    /// Hands a write to the committer and waits until it is on disk, or refused.
    pub fn write<W: Write>(&self, write: W) -> Result<W::Output> {
        self.committer.submit(write)
    }

    /// Hands a write to the committer without waiting for the disk. Refused at once where
    /// too many writes are under way.
    pub fn begin<W: Write>(&self, write: W) -> Result<WriteHandle<W::Output>> {
        self.committer.begin(write)
    }

    /// Has `call` called whenever claims have been settled, on the thread that did it: it
    /// must not block. The first that is given stays.
    pub fn call_when_settled(&self, call: SettledCall) {
        self.committer.call_when_settled(call);
    }

    /// What is committed now. Keep it short: an open snapshot pins the pages it sees.
    pub fn read(&self) -> Result<Snapshot> {
        let transaction = self.database.begin_read()?;
        Ok(Snapshot::new(transaction))
    }

    /// Reads all there is and tells what does not hang together.
    pub fn check(&self) -> Result<Check> {
        Check::of(&self.database.begin_read()?)
    }

    /// Rings when a commit has brought mail to send.
    pub fn mail_wakeup(&self) -> &Wakeup {
        self.committer.mail_wakeup()
    }

    /// Why the store can't take a write now, if so.
    pub fn trouble(&self) -> Option<String> {
        let closed = || self.database.is_closed().then(|| "it is closed".to_owned());
        self.committer.trouble().or_else(closed)
    }

    /// Why nothing new is taken for want of room, if so.
    pub fn disk_shortage(&self) -> Option<String> {
        self.committer.disk_shortage()
    }

    /// Lets so many threads wait for their writes at once; one more waits for a moment and
    /// is then turned away. While the disk stands still, it bounds the writes that no thread
    /// waits for as well. Keep it under the number of threads that write, so that a disk
    /// that hangs leaves some of them free.
    pub fn limit_waiters(&self, most: usize) {
        self.committer.limit_waiters(most);
    }

    /// Whether another write would be turned away.
    pub fn is_queue_full(&self) -> bool {
        self.committer.is_queue_full()
    }

    /// Whether a commit has worked in the last while.
    pub fn committed_within(&self, while_: Duration) -> bool {
        self.committer.committed_within(while_)
    }

    /// Finishes what is queued, refuses what comes later, and closes the file.
    pub fn close(&self) {
        self.committer.stop();
        self.database.close();
        // The next start does so too, before it trusts what it reads: with a million orders
        // half of its time, where it was not done at the stop.
        self.database.forget_cached();
    }
}

impl Error {
    /// Nothing was written, and the reason is the disk or the file.
    fn storage(cause: impl std::fmt::Display) -> Error {
        let why = format!("the store is unavailable: {cause}");
        Error::Unavailable(crate::error::Unavailable::Busy {
            why,
            retry_after: Duration::from_secs(1),
        })
    }
}
