//! Commits a batch: applies all writes that wait to one transaction, commits it, and hands every
//! write its result.
//!
//! A write that is refused before it wrote anything does not touch the others. After one that
//! fails when it has written already, the committer drops the transaction and applies the batch
//! again without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use super::health::{DiskCheck, Health};
use super::pending_write::{Effect, PendingWrite};
use super::queue::{Batch, Queue};
use crate::clock::Clock;
use crate::error::Error;
use crate::metrics;
use crate::store::database::{self, DatabaseHandle};
use crate::store::wakeup::{Bell, Wakeup};
use crate::store::write_txn::{Sequences, WriteTxn};
use crate::sys::poll::Waker;

/// The store is idle when nothing was committed for this long.
const IDLE: Duration = Duration::from_millis(200);
/// How often an idle store is probed, and one in trouble tried again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// What callers use without the committer.
pub(in crate::store) struct Shared {
    pub database: DatabaseHandle,
    pub queue: Queue,
    pub mail_wakeup: Wakeup,
    pub event_bell: Bell,
    pub webhook_bell: Bell,
    pub health: Health,
    /// Called once the writes of a batch have their results.
    pub waker: Waker,
    /// The last event that is on disk.
    pub last_event: AtomicU64,
    pub metrics: metrics::Store,
}

/// Commits. There is one, and one thread at a time has it.
pub(super) struct Committer {
    shared: Arc<Shared>,
    disk: DiskCheck,
    /// The ids given last, as far as they are on disk; none after a failure.
    sequences: Option<Sequences>,
    /// The last commit was one after which the file opens quickly.
    quick_open: bool,
    /// When the disk was last written to, or that was tried. A batch in which everything was
    /// refused doesn't count: it shows nothing about the disk, and must not delay the next probe.
    tried_at: Instant,
}

/// What became of a batch.
enum CommitOutcome {
    Committed {
        sequences: Option<Sequences>,
    },
    /// There was nothing to write.
    Untouched,
    /// Nothing was written. The text is for the log and the health check.
    NotDone(String),
    /// The commit itself failed: it may be on disk or not.
    Unknown(String),
}

impl Shared {
    pub fn new(database: DatabaseHandle, waker: Waker, metrics: metrics::Store) -> Shared {
        Shared {
            database,
            queue: Queue::new(metrics.queue_depth.clone()),
            mail_wakeup: Wakeup::default(),
            event_bell: Bell::default(),
            webhook_bell: Bell::default(),
            health: Health::default(),
            waker,
            last_event: AtomicU64::new(0),
            metrics,
        }
    }
}

impl Committer {
    pub fn new(shared: Arc<Shared>, clock: Clock) -> Committer {
        let disk = DiskCheck::new(clock);
        Committer { shared, disk, sequences: None, quick_open: true, tried_at: Instant::now() }
    }

    /// Commits what waits, at most one batch, and hands out the results.
    pub fn commit_waiting(&mut self) {
        let mut batch = self.shared.queue.take();
        if batch.is_empty() {
            return;
        }
        self.catching_panics(|committer| committer.commit(&mut batch));
        // Gives a result to the writes that a panic has left without one.
        drop(batch);
        self.shared.waker.wake();
    }

    /// While nobody writes: makes the next start quick if it isn't, and finds out whether the
    /// store still works, so that trouble is noticed, and its end too.
    pub fn probe_if_due(&mut self) {
        let is_quiet = self.quick_open || self.shared.health.has_failed_commit();
        let interval = if is_quiet { PROBE_INTERVAL } else { IDLE };
        if self.tried_at.elapsed() >= interval {
            self.catching_panics(Committer::probe);
        }
    }

    /// For a panic of the library. A panic of a write is caught where the write is applied.
    fn catching_panics(&mut self, act: impl FnOnce(&mut Committer)) {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_err() {
            self.sequences = None;
            // Closing what has panicked may panic again. It is closed even then, and the database
            // is opened again.
            let _ = catch_unwind(AssertUnwindSafe(|| self.shared.database.close()));
            let _ = catch_unwind(AssertUnwindSafe(|| self.reopen_after("a commit panicked")));
            self.tried_at = Instant::now();
        }
        self.shared.queue.make_room();
    }

    fn commit(&mut self, batch: &mut Batch) {
        self.refuse_growth(batch);
        if batch.is_empty() {
            return;
        }
        let act = |database: &Database| Ok(self.commit_to(database, batch));
        let database = &self.shared.database;
        let outcome = database.ensure_open().and_then(|()| database.with(act));
        let outcome = outcome.unwrap_or_else(|why| CommitOutcome::NotDone(why.to_string()));
        self.finish(batch, outcome);
    }

    /// While the disk is nearly full, writes that make new rows are refused.
    fn refuse_growth(&mut self, batch: &mut Batch) {
        let shortage = self.disk.shortage(&self.shared.database);
        self.shared.health.record_disk_shortage(shortage);
        if let Some(why) = shortage {
            for mut write in batch.extract_if(.., |write| write.grows()) {
                write.refuse(Error::busy(why));
            }
        }
    }

    /// The loop ends: each round but the last finds one write that fails after its first change,
    /// and the next round leaves it out.
    fn commit_to(&self, database: &Database, batch: &mut [Box<dyn PendingWrite>]) -> CommitOutcome {
        loop {
            let transaction = match database.begin_write() {
                Ok(transaction) => transaction,
                Err(why) => return CommitOutcome::NotDone(why.to_string()),
            };
            match apply_all(&transaction, batch, self.sequences) {
                BatchEffect::Fine { writes: 0, .. } => return CommitOutcome::Untouched,
                BatchEffect::Fine { writes, wakes, sequences } => {
                    return match self.commit_transaction(transaction, writes, wakes) {
                        Ok(()) => CommitOutcome::Committed { sequences },
                        Err(why) => CommitOutcome::Unknown(why.to_string()),
                    };
                }
                BatchEffect::Spoilt => {}
                BatchEffect::Broken(why) => return CommitOutcome::NotDone(why.to_string()),
            }
        }
    }

    fn commit_transaction(
        &self,
        transaction: WriteTransaction,
        writes: usize,
        wakes: Wakes,
    ) -> Result<(), redb::CommitError> {
        let started = Instant::now();
        transaction.commit()?;
        self.shared.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.shared.metrics.batch_size.observe(writes as f64);
        if wakes.mail {
            self.shared.mail_wakeup.notify();
        }
        if wakes.webhooks {
            self.shared.webhook_bell.ring();
            // One that waits for an event has another place in the feed now, or none.
            self.shared.event_bell.ring();
        }
        Ok(())
    }

    /// Hands out the results. After a failure the database is opened again first, so that a
    /// caller who tries again finds a store that works, if the disk does.
    fn finish(&mut self, batch: &mut [Box<dyn PendingWrite>], outcome: CommitOutcome) {
        self.shared.queue.make_room();
        if !matches!(outcome, CommitOutcome::Untouched) {
            self.tried_at = Instant::now();
        }
        match outcome {
            CommitOutcome::Committed { sequences } => {
                self.sequences = sequences;
                if let Some(sequences) = sequences {
                    let last = sequences.event.0;
                    if self.shared.last_event.swap(last, Ordering::AcqRel) < last {
                        self.shared.event_bell.ring();
                    }
                }
                self.quick_open = false;
                self.shared.health.record_commit();
                self.end_trouble();
                batch.iter_mut().for_each(|write| write.complete());
            }
            CommitOutcome::Untouched => batch.iter_mut().for_each(|write| write.complete()),
            CommitOutcome::NotDone(why) => {
                self.reopen_after(&why);
                batch.iter_mut().for_each(|write| write.refuse(Error::storage(&why)));
            }
            CommitOutcome::Unknown(why) => {
                self.reopen_after(&why);
                batch.iter_mut().for_each(|write| write.lose(&why));
            }
        }
    }

    fn probe(&mut self) {
        let shortage = self.disk.shortage(&self.shared.database);
        self.shared.health.record_disk_shortage(shortage);
        let is_quiet = self.quick_open && !self.shared.health.has_failed_commit();
        let act = if is_quiet { database::check_handle } else { database::commit_nothing };
        let database = &self.shared.database;
        match database.ensure_open().and_then(|()| database.with(act)) {
            Ok(()) => {
                self.quick_open = true;
                self.end_trouble();
            }
            Err(why) => self.reopen_after(&why.to_string()),
        }
        self.tried_at = Instant::now();
    }

    fn end_trouble(&self) {
        if self.shared.health.end_failed_commit() {
            log::warn!("the store takes writes again");
        }
    }

    /// An open database is of no more use after an I/O error. If opening it again fails too, the
    /// next write or probe tries once more.
    fn reopen_after(&mut self, why: &str) {
        self.sequences = None;
        self.shared.metrics.failed_commits.inc();
        log::error!("commit failed: {why}");
        self.shared.health.record_failed_commit(why);
        if let Err(why) = self.shared.database.reopen() {
            log::error!("reopening the store failed: {why}");
        }
    }
}

/// Who has work after the commit.
#[derive(Clone, Copy)]
struct Wakes {
    mail: bool,
    webhooks: bool,
}

/// What applying a batch has done to its transaction.
enum BatchEffect {
    /// `writes` of its writes have written something.
    Fine { writes: usize, wakes: Wakes, sequences: Option<Sequences> },
    /// A write failed after it had written.
    Spoilt,
    /// The store failed: the transaction is lost.
    Broken(redb::Error),
}

fn apply_all(
    transaction: &WriteTransaction,
    batch: &mut [Box<dyn PendingWrite>],
    sequences: Option<Sequences>,
) -> BatchEffect {
    let mut txn = WriteTxn::begin(transaction, sequences);
    for write in batch.iter_mut() {
        match write.apply(&mut txn) {
            Effect::Fine => {}
            Effect::Spoilt => return BatchEffect::Spoilt,
            Effect::Broken(why) => return BatchEffect::Broken(why),
        }
    }
    let writes = batch.iter().filter(|write| write.has_written()).count();
    if let Err(why) = txn.finish() {
        return BatchEffect::Broken(why);
    }
    let wakes = Wakes { mail: txn.queued_mail, webhooks: txn.changed_webhooks };
    BatchEffect::Fine { writes, wakes, sequences: txn.sequences }
}
