//! A turn at the store: everything that waits becomes one commit, and everyone hears of it.
//!
//! A write that is refused before it wrote anything costs its neighbours nothing; one that
//! fails after its first write makes the turn drop the transaction and redo the batch
//! without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use super::health::{DiskCheck, Health};
use super::pending_write::{Effect, PendingWrite};
use super::queue::{Batch, Queue};
use crate::clock::Clock;
use crate::error::Error;
use crate::metrics;
use crate::store::database::{self, DatabaseHandle};
use crate::store::wakeup::Wakeup;
use crate::store::write_txn::WriteTxn;

/// With nothing to commit for this long, the store counts as idle.
const IDLE: Duration = Duration::from_millis(200);
/// How often an idle store is looked at, and one in trouble tried again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Called once the writes of a turn have their answers. It must not block.
pub type SettledCall = Box<dyn Fn() + Send + Sync>;

/// What is known without taking a turn.
pub(super) struct Shared {
    pub database: Arc<DatabaseHandle>,
    pub queue: Queue,
    pub mail_wakeup: Wakeup,
    pub health: Health,
    pub when_settled: OnceLock<SettledCall>,
    pub metrics: metrics::Store,
}

/// Whoever has it commits; there is one.
pub(super) struct Committer {
    shared: Arc<Shared>,
    disk: DiskCheck,
    /// The last commit was one that the file opens quickly after.
    quick_open: bool,
    /// When the disk was last written to, or that was tried. Writes that were all refused
    /// tell nothing of it, and must not put off the next look.
    tried_at: Instant,
}

/// What became of a batch.
enum CommitOutcome {
    Committed,
    /// There was nothing to write.
    Untouched,
    /// Nothing was written; the reason is for the log and the health check.
    NotDone(String),
    /// The commit itself failed: it may be on disk or not.
    Unknown(String),
}

impl Committer {
    pub fn new(shared: Arc<Shared>, clock: Clock) -> Committer {
        Committer {
            shared,
            disk: DiskCheck::new(clock),
            quick_open: true,
            tried_at: Instant::now(),
        }
    }

    /// Commits what waits, up to a batch, and answers it.
    pub fn commit_waiting(&mut self) {
        let mut batch = self.shared.queue.take();
        if batch.is_empty() {
            return;
        }
        self.catching_panics(|turn| turn.commit(&mut batch));
        // What a panic has left unanswered is answered by this.
        drop(batch);
        if let Some(call) = self.shared.when_settled.get() {
            call();
        }
    }

    /// In a store that is idle: makes the next start quick if it isn't, and finds out whether
    /// the store still works, so that trouble is noticed, and its end too, while nobody writes.
    pub fn probe_if_due(&mut self) {
        let is_quiet = self.quick_open || self.shared.health.has_failed_commit();
        let interval = if is_quiet { PROBE_INTERVAL } else { IDLE };
        if self.tried_at.elapsed() >= interval {
            self.catching_panics(Committer::probe);
        }
    }

    /// A write's own panic is caught where it is applied: this is for one of the library.
    fn catching_panics(&mut self, act: impl FnOnce(&mut Committer)) {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_err() {
            // Closing what panicked may panic again; either way it is closed, and opened anew.
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
        let outcome =
            self.shared.database.ensure_open().and_then(|()| self.shared.database.with(act));
        let outcome = outcome.unwrap_or_else(|why| CommitOutcome::NotDone(why.to_string()));
        self.answer(batch, outcome);
    }

    /// With the disk nearly full only what makes no new rows is taken.
    fn refuse_growth(&mut self, batch: &mut Batch) {
        let shortage = self.disk.shortage(&self.shared.database);
        self.shared.health.record_disk(shortage);
        if let Some(why) = shortage {
            for mut job in batch.extract_if(.., |job| job.grows()) {
                job.refuse(Error::busy(why));
            }
        }
    }

    /// Every turn of the loop spoils at least one write, which the next one skips, so it ends.
    fn commit_to(&self, database: &Database, batch: &mut [Box<dyn PendingWrite>]) -> CommitOutcome {
        loop {
            let transaction = match database.begin_write() {
                Ok(transaction) => transaction,
                Err(why) => return CommitOutcome::NotDone(why.to_string()),
            };
            match apply_all(&transaction, batch) {
                Applying::Done { writes: 0, .. } => return CommitOutcome::Untouched,
                Applying::Done { writes, queued_mail } => {
                    return self.commit_transaction(transaction, writes, queued_mail);
                }
                Applying::Spoilt => {}
                Applying::Broken(why) => return CommitOutcome::NotDone(why.to_string()),
            }
        }
    }

    fn commit_transaction(
        &self,
        transaction: WriteTransaction,
        writes: usize,
        queued_mail: bool,
    ) -> CommitOutcome {
        let started = Instant::now();
        if let Err(why) = transaction.commit() {
            return CommitOutcome::Unknown(why.to_string());
        }
        self.shared.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.shared.metrics.batch_size.observe(writes as f64);
        if queued_mail {
            self.shared.mail_wakeup.ring();
        }
        CommitOutcome::Committed
    }

    /// After a failure the file is opened again before anyone is answered, so that whoever
    /// asks again finds a store that works if the disk does.
    fn answer(&mut self, batch: &mut [Box<dyn PendingWrite>], outcome: CommitOutcome) {
        self.shared.queue.make_room();
        if !matches!(outcome, CommitOutcome::Untouched) {
            self.tried_at = Instant::now();
        }
        match outcome {
            CommitOutcome::Committed => {
                self.quick_open = false;
                self.shared.health.note_commit();
                self.recovered();
                batch.iter_mut().for_each(|job| job.answer());
            }
            CommitOutcome::Untouched => batch.iter_mut().for_each(|job| job.answer()),
            CommitOutcome::NotDone(why) => {
                self.reopen_after(&why);
                batch.iter_mut().for_each(|job| job.refuse(Error::storage(&why)));
            }
            CommitOutcome::Unknown(why) => {
                self.reopen_after(&why);
                batch.iter_mut().for_each(|job| job.lose(&why));
            }
        }
    }

    fn probe(&mut self) {
        let shortage = self.disk.shortage(&self.shared.database);
        self.shared.health.record_disk(shortage);
        let quiet = self.quick_open && !self.shared.health.has_failed_commit();
        let act = if quiet { database::check_handle } else { database::commit_nothing };
        match self.shared.database.ensure_open().and_then(|()| self.shared.database.with(act)) {
            Ok(()) => {
                self.quick_open = true;
                self.recovered();
            }
            Err(why) => self.reopen_after(&why.to_string()),
        }
        self.tried_at = Instant::now();
    }

    fn recovered(&self) {
        if self.shared.health.end_failed_commit() {
            log::warn!("the store takes writes again");
        }
    }

    fn note_failure(&self, why: &str) {
        self.shared.metrics.failed_commits.inc();
        log::error!("commit failed: {why}");
        self.shared.health.record_failed_commit(why);
    }

    /// The handle is of no more use after an I/O error, so that the next write needs
    /// another one; where even that fails, the next write or look tries again.
    fn reopen_after(&self, why: &str) {
        self.note_failure(why);
        if let Err(why) = self.shared.database.reopen() {
            log::error!("reopening the store failed: {why}");
        }
    }
}

/// What a round of applying has done.
enum Applying {
    Done { writes: usize, queued_mail: bool },
    Spoilt,
    Broken(redb::Error),
}

fn apply_all(transaction: &WriteTransaction, jobs: &mut [Box<dyn PendingWrite>]) -> Applying {
    let mut batch = WriteTxn::begin(transaction);
    for job in jobs.iter_mut() {
        match job.attempt(&mut batch) {
            Effect::Fine => {}
            Effect::Spoilt => return Applying::Spoilt,
            Effect::Broken(why) => return Applying::Broken(why),
        }
    }
    let writes = jobs.iter().filter(|job| job.wrote()).count();
    if let Err(why) = batch.finish() {
        return Applying::Broken(why);
    }
    Applying::Done { writes, queued_mail: batch.queued_mail }
}
