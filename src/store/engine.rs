//! The store as its callers have it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::backup::lock::BackupLock;
use super::check::Check;
use super::commit::{GroupCommit, Pending, Shared, WriteHandle};
use super::database::DatabaseHandle;
use super::open_error::OpenError;
use super::snapshot::Snapshot;
use super::storage::{FileStorage, Storage};
use super::wakeup::{Bell, Wakeup};
use super::write_txn::Write;
use crate::clock::Clock;
use crate::domain::event::EventId;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::sys::poll::Waker;
use crate::sys::stop::Stop;

/// The open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
    commits: Arc<GroupCommit>,
    pub(super) backup_lock: BackupLock,
    pub(super) backup_stop: Stop,
}

impl Store {
    /// Opens the file at `path`, or makes it and its folder, and migrates an older file to
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub fn open(
        path: &Path,
        clock: Clock,
        metrics: &Metrics,
    ) -> std::result::Result<Store, OpenError> {
        let waker = Waker::new().map_err(|why| OpenError::Io(why.to_string()))?;
        Store::open_on(Box::new(FileStorage::new(path)), clock, waker, metrics)
    }

    /// Opens on any storage. Tests bring some that fail and forget. `waker` is called whenever
    /// writes that were begun have their results.
    pub fn open_on(
        storage: Box<dyn Storage>,
        clock: Clock,
        waker: Waker,
        metrics: &Metrics,
    ) -> std::result::Result<Store, OpenError> {
        let unreadable = |why: Error| OpenError::Unreadable(why.to_string());
        let database = DatabaseHandle::open(storage)?;
        let shared = Arc::new(Shared::new(database, waker, metrics.store.clone()));
        let last_event = Snapshot(shared.database.begin_read().map_err(unreadable)?)
            .feed_extent()
            .map_err(unreadable)?
            .map_or(0, |extent| extent.last.0);
        shared.last_event.store(last_event, Ordering::Release);
        let commits = GroupCommit::start(shared.clone(), clock)
            .map_err(|why| OpenError::Io(why.to_string()))?;
        let (backup_lock, backup_stop) = (BackupLock::default(), Stop::new());
        Ok(Store { shared, commits: Arc::new(commits), backup_lock, backup_stop })
    }

    /// Waits until the write is on disk, or refused. The caller holds no transaction and no lock.
    ///
    /// # Errors
    /// What the write is refused with. `Unavailable` where too many threads wait for their
    /// writes, where the store is closed, or where the commit fails: with `OutcomeUnknown` the
    /// write may be on disk or not, with `Busy` it is not.
    pub fn write<W: Write>(&self, write: W) -> Result<W::Output> {
        let _permit = self.shared.queue.permit_wait()?;
        let (pending, handle) = Pending::new(write);
        self.shared.queue.push(Box::new(pending))?;
        self.commits.commit_if_free();
        handle.wait()
    }

    /// Queues the write, or commits it at once if nobody else is committing. The handle gives
    /// the result. The caller holds no transaction and no lock.
    ///
    /// # Errors
    /// `Unavailable` where too many writes are under way, or the store is closed.
    pub fn begin<W: Write>(&self, write: W) -> Result<WriteHandle<W::Output>> {
        let (pending, handle) = Pending::new(write);
        self.shared.queue.push_unawaited(Box::new(pending))?;
        self.commits.commit_if_free();
        Ok(handle)
    }

    /// Queues a write for the committer's own thread. Unlike with [`Store::begin`] the caller never
    /// commits it, and so waits for no disk; nor does it learn what became of the write.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub fn write_behind<W: Write>(&self, write: W) -> Result<()> {
        let (pending, _) = Pending::new(write);
        self.shared.queue.push_unawaited(Box::new(pending))?;
        self.shared.queue.notify_if_waiting();
        Ok(())
    }

    /// What is committed now. Keep the snapshot only for a short time: the file can't use the
    /// pages again that the snapshot sees.
    pub fn read(&self) -> Result<Snapshot> {
        self.shared.database.begin_read().map(Snapshot)
    }

    /// The last event that is on disk; 0 before the first.
    pub fn last_event_id(&self) -> EventId {
        EventId(self.shared.last_event.load(Ordering::Acquire))
    }

    /// Reads everything and reports what is inconsistent.
    pub fn check(&self) -> Result<Check> {
        Check::of(&self.shared.database.begin_read()?)
    }

    /// Notified when a commit has brought mail to send.
    pub fn mail_wakeup(&self) -> &Wakeup {
        &self.shared.mail_wakeup
    }

    /// Rings when a commit has brought an event, or has changed a webhook.
    pub fn event_bell(&self) -> &Bell {
        &self.shared.event_bell
    }

    /// Rings when webhooks were made, changed or removed.
    pub fn webhook_bell(&self) -> &Bell {
        &self.shared.webhook_bell
    }

    /// Why the store can't take a write now, if it can't.
    pub fn trouble(&self) -> Option<String> {
        let closed = || self.shared.database.is_closed().then(|| "it is closed".to_owned());
        self.shared.health.trouble().or_else(closed)
    }

    /// Why no new rows are taken for want of disk space, if so.
    pub fn disk_shortage(&self) -> Option<String> {
        self.shared.health.disk_shortage()
    }

    /// Lets `max` threads at once wait for their writes. A further one waits for a moment, and
    /// then its write is refused. While the disk hangs, the same number bounds the writes that
    /// no thread waits for. Choose fewer than there are threads that write, so that some of them
    /// stay free while the disk hangs.
    pub fn limit_waiters(&self, max: usize) {
        self.shared.queue.limit_waiters(max);
    }

    /// Whether one more write would be refused, or made to wait for others.
    pub fn is_queue_full(&self) -> bool {
        self.shared.queue.is_full()
    }

    /// Whether a commit has worked in the last `time`.
    pub fn committed_within(&self, time: Duration) -> bool {
        self.shared.health.committed_within(time)
    }

    /// Commits what is queued, refuses later writes, and closes the file.
    pub fn close(&self) {
        self.commits.stop();
        self.shared.database.close();
        // The next start drops the cache too, before it trusts what it reads. With a million
        // orders that is half of its time, unless it was done here.
        self.shared.database.forget_cached();
    }
}
