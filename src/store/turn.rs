//! A turn at the store: everything that waits becomes one commit, and everyone hears of it.
//!
//! A write that is refused before it wrote anything costs its neighbours nothing; one that
//! fails after its first write makes the turn drop the transaction and redo the batch
//! without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use super::database::{self, Live};
use super::queue::{Jobs, Queue};
use super::ticket::{Attempt, Job};
use super::trouble::{DiskCheck, Trouble};
use super::wakeup::Wakeup;
use super::write_txn::WriteTxn;
use crate::clock::Clock;
use crate::error::Error;
use crate::metrics;
use crate::sys::poll::Waker;

/// With nothing to commit for this long, the store counts as idle.
const IDLE: Duration = Duration::from_millis(200);
/// How often an idle store is looked at, and one in trouble tried again.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What is known without taking a turn.
pub(super) struct Shared {
    pub live: Arc<Live>,
    pub queue: Queue,
    pub mail_wakeup: Wakeup,
    pub trouble: Trouble,
    /// Called once the writes of a turn have their outcome.
    pub waker: Waker,
    pub metrics: metrics::Store,
}

/// Whoever has it commits; there is one.
pub(super) struct Turn {
    shared: Arc<Shared>,
    disk: DiskCheck,
    /// The last commit was one that the file opens quickly after.
    settled: bool,
    /// When the disk was last written to, or that was tried. Writes that were all refused
    /// tell nothing of it, and must not put off the next look.
    tried_at: Instant,
}

/// What became of a batch.
enum Ending {
    Committed,
    /// There was nothing to write.
    Untouched,
    /// Nothing was written; the reason is for the log and the health check.
    NotDone(String),
    /// The commit itself failed: it may be on disk or not.
    Unknown(String),
}

impl Turn {
    pub fn new(shared: Arc<Shared>, clock: Clock) -> Turn {
        Turn { shared, disk: DiskCheck::new(clock), settled: true, tried_at: Instant::now() }
    }

    /// Commits what waits, up to a batch, and answers it.
    pub fn commit_waiting(&mut self) {
        let mut batch = self.shared.queue.take();
        if batch.is_empty() {
            return;
        }
        self.guarded(|turn| turn.commit(&mut batch));
        // What a panic has left unanswered is answered by this.
        drop(batch);
        self.shared.waker.wake();
    }

    /// In a store that is idle: makes the next start quick if it isn't, and finds out whether
    /// the store still works, so that trouble is noticed, and its end too, while nobody writes.
    pub fn look_around_if_due(&mut self) {
        let is_quiet = self.settled || self.shared.trouble.has_failed_commit();
        let interval = if is_quiet { LOOK_INTERVAL } else { IDLE };
        if self.tried_at.elapsed() >= interval {
            self.guarded(Turn::look_around);
        }
    }

    /// A write's own panic is caught where it is applied: this is for one of the library.
    fn guarded(&mut self, act: impl FnOnce(&mut Turn)) {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_err() {
            // Closing what panicked may panic again; either way it is closed, and opened anew.
            let _ = catch_unwind(AssertUnwindSafe(|| self.shared.live.close()));
            let _ = catch_unwind(AssertUnwindSafe(|| self.reopen_after("a commit panicked")));
            self.tried_at = Instant::now();
        }
        self.shared.queue.make_room();
    }

    fn commit(&mut self, batch: &mut Jobs) {
        self.refuse_growth(batch);
        if batch.is_empty() {
            return;
        }
        let act = |database: &Database| Ok(self.commit_to(database, batch));
        let ending = self.shared.live.ensure_open().and_then(|()| self.shared.live.with(act));
        let ending = ending.unwrap_or_else(|why| Ending::NotDone(why.to_string()));
        self.answer(batch, ending);
    }

    /// With the disk nearly full only what makes no new rows is taken.
    fn refuse_growth(&mut self, batch: &mut Jobs) {
        let shortage = self.disk.shortage(&self.shared.live);
        self.shared.trouble.record_disk(shortage);
        if let Some(why) = shortage {
            for mut job in batch.extract_if(.., |job| job.grows()) {
                job.refuse(Error::busy(why));
            }
        }
    }

    /// Every turn of the loop spoils at least one write, which the next one skips, so it ends.
    fn commit_to(&self, database: &Database, batch: &mut [Box<dyn Job>]) -> Ending {
        loop {
            let transaction = match database.begin_write() {
                Ok(transaction) => transaction,
                Err(why) => return Ending::NotDone(why.to_string()),
            };
            match apply_all(&transaction, batch) {
                Round::Done { writes: 0, .. } => return Ending::Untouched,
                Round::Done { writes, queued_mail } => {
                    return self.commit_transaction(transaction, writes, queued_mail);
                }
                Round::Spoilt => {}
                Round::Broken(why) => return Ending::NotDone(why.to_string()),
            }
        }
    }

    fn commit_transaction(
        &self,
        transaction: WriteTransaction,
        writes: usize,
        queued_mail: bool,
    ) -> Ending {
        let started = Instant::now();
        if let Err(why) = transaction.commit() {
            return Ending::Unknown(why.to_string());
        }
        self.shared.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.shared.metrics.batch_size.observe(writes as f64);
        if queued_mail {
            self.shared.mail_wakeup.ring();
        }
        Ending::Committed
    }

    /// After a failure the file is opened again before anyone is answered, so that whoever
    /// asks again finds a store that works if the disk does.
    fn answer(&mut self, batch: &mut [Box<dyn Job>], ending: Ending) {
        self.shared.queue.make_room();
        if !matches!(ending, Ending::Untouched) {
            self.tried_at = Instant::now();
        }
        match ending {
            Ending::Committed => {
                self.settled = false;
                self.shared.trouble.note_commit();
                self.recovered();
                batch.iter_mut().for_each(|job| job.answer());
            }
            Ending::Untouched => batch.iter_mut().for_each(|job| job.answer()),
            Ending::NotDone(why) => {
                self.reopen_after(&why);
                batch.iter_mut().for_each(|job| job.refuse(Error::storage(&why)));
            }
            Ending::Unknown(why) => {
                self.reopen_after(&why);
                batch.iter_mut().for_each(|job| job.lose(&why));
            }
        }
    }

    fn look_around(&mut self) {
        let shortage = self.disk.shortage(&self.shared.live);
        self.shared.trouble.record_disk(shortage);
        let quiet = self.settled && !self.shared.trouble.has_failed_commit();
        let act = if quiet { database::check_handle } else { database::commit_nothing };
        match self.shared.live.ensure_open().and_then(|()| self.shared.live.with(act)) {
            Ok(()) => {
                self.settled = true;
                self.recovered();
            }
            Err(why) => self.reopen_after(&why.to_string()),
        }
        self.tried_at = Instant::now();
    }

    fn recovered(&self) {
        if self.shared.trouble.end_failed_commit() {
            log::warn!("the store takes writes again");
        }
    }

    fn note_failure(&self, why: &str) {
        self.shared.metrics.failed_commits.inc();
        log::error!("commit failed: {why}");
        self.shared.trouble.record_failed_commit(why);
    }

    /// The handle is of no more use after an I/O error, so that the next write needs
    /// another one; where even that fails, the next write or look tries again.
    fn reopen_after(&self, why: &str) {
        self.note_failure(why);
        if let Err(why) = self.shared.live.reopen() {
            log::error!("reopening the store failed: {why}");
        }
    }
}

/// What a round of applying has done.
enum Round {
    Done { writes: usize, queued_mail: bool },
    Spoilt,
    Broken(redb::Error),
}

fn apply_all(transaction: &WriteTransaction, jobs: &mut [Box<dyn Job>]) -> Round {
    let mut batch = WriteTxn::begin(transaction);
    for job in jobs.iter_mut() {
        match job.attempt(&mut batch) {
            Attempt::Fine => {}
            Attempt::Spoilt => return Round::Spoilt,
            Attempt::Broken(why) => return Round::Broken(why),
        }
    }
    let writes = jobs.iter().filter(|job| job.wrote()).count();
    if let Err(why) = batch.finish() {
        return Round::Broken(why);
    }
    Round::Done { writes, queued_mail: batch.queued_mail }
}
