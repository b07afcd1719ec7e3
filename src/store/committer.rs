//! The committer: one thread that owns the write transaction.
//!
//! It takes everything that waits, applies it to one transaction, commits once and then
//! answers everyone, those too whom it refuses. A write that is refused before it wrote
//! anything costs its neighbours nothing; one that fails after its first write makes the
//! committer drop the transaction and redo the batch without it.
//!
//! When nothing waits it makes the next start quick, and looks whether the store still
//! works, so that trouble is noticed, and its end too, while nobody writes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use super::batch::{Batch, Write};
use super::database::{self, Live};
use super::ticket::{Attempt, Job, Ticket};
use super::trouble::{DiskCheck, Trouble};
use super::wakeup::Wakeup;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics;

/// Writes that may be under way, where nobody says otherwise.
const DEFAULT_MAX_UNDER_WAY: usize = 4096;
/// How long one more waits for its turn before it is refused. A commit takes milliseconds:
/// whoever waits longer has met a disk that hangs.
const ADMISSION_PATIENCE: Duration = Duration::from_millis(250);
/// Writes that share a commit, at most.
const MAX_BATCH: usize = 1024;
/// With nothing to commit for this long, the store counts as idle.
const IDLE: Duration = Duration::from_millis(200);
/// How often an idle store is looked at, and one in trouble tried again.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    live: Arc<Live>,
    queue: Mutex<Queue>,
    /// Rung when the queue gets its first write, or closes.
    arrivals: Condvar,
    /// Rung when a full queue has room again, or closes.
    room: Condvar,
    mail_wakeup: Wakeup,
    trouble: Trouble,
    metrics: metrics::Store,
}

struct Queue {
    waiting: VecDeque<Box<dyn Job>>,
    /// How many have left the queue and have no answer yet.
    committing: usize,
    max_under_way: usize,
    closed: bool,
}

impl Default for Queue {
    fn default() -> Queue {
        let waiting = VecDeque::new();
        Queue { waiting, committing: 0, max_under_way: DEFAULT_MAX_UNDER_WAY, closed: false }
    }
}

impl Queue {
    fn is_full(&self) -> bool {
        self.waiting.len() + self.committing >= self.max_under_way
    }
}

impl Committer {
    pub fn start(
        live: Arc<Live>,
        clock: Clock,
        metrics: metrics::Store,
    ) -> std::io::Result<Committer> {
        let shared = Arc::new(Shared {
            live,
            queue: Mutex::default(),
            arrivals: Condvar::new(),
            room: Condvar::new(),
            mail_wakeup: Wakeup::default(),
            trouble: Trouble::default(),
            metrics,
        });
        let worker = Worker { shared: shared.clone(), disk: DiskCheck::new(clock), settled: true };
        let thread = thread::Builder::new().name("committer".into()).spawn(move || worker.run())?;
        Ok(Committer { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Waits until the write is on disk. Whoever calls holds no transaction and no lock.
    pub fn submit<W: Write>(&self, write: W) -> Result<W::Output> {
        let (ticket, claim) = Ticket::issue(write);
        self.shared.enqueue(Box::new(ticket))?;
        claim.wait()
    }

    pub fn mail_wakeup(&self) -> &Wakeup {
        &self.shared.mail_wakeup
    }

    pub fn disk_shortage(&self) -> Option<String> {
        self.shared.trouble.disk()
    }

    pub fn is_queue_full(&self) -> bool {
        lock(&self.shared.queue).is_full()
    }

    pub fn limit(&self, max_under_way: usize) {
        lock(&self.shared.queue).max_under_way = max_under_way.max(1);
    }

    pub fn committed_within(&self, time: Duration) -> bool {
        self.shared.trouble.last_commit().is_some_and(|at| at.elapsed() < time)
    }

    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.reason()
    }

    /// Commits what is queued and ends the thread; later writes are refused.
    pub fn stop(&self) {
        lock(&self.shared.queue).closed = true;
        self.shared.arrivals.notify_all();
        self.shared.room.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of the thread was logged where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread does next.
enum Next {
    Commit(Vec<Box<dyn Job>>),
    /// Nothing came for as long as it was to wait.
    LookAround,
    End,
}

impl Shared {
    fn enqueue(&self, job: Box<dyn Job>) -> Result<()> {
        let no_room = |queue: &mut Queue| queue.is_full() && !queue.closed;
        let (mut queue, _) = self
            .room
            .wait_timeout_while(lock(&self.queue), ADMISSION_PATIENCE, no_room)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            return Err(Error::busy("the service is stopping"));
        }
        if queue.is_full() {
            return Err(Error::busy("too many writes are waiting"));
        }
        queue.waiting.push_back(job);
        self.metrics.queue_depth.set(queue.waiting.len() as i64);
        if queue.waiting.len() == 1 {
            self.arrivals.notify_one();
        }
        Ok(())
    }

    /// Everything that waits, up to a batch, as soon as there is anything.
    fn next(&self, patience: Duration) -> Next {
        let queue = lock(&self.queue);
        let idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.closed;
        let (mut queue, _) = self
            .arrivals
            .wait_timeout_while(queue, patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.is_empty() {
            return if queue.closed { Next::End } else { Next::LookAround };
        }
        let count = queue.waiting.len().min(MAX_BATCH);
        queue.committing = count;
        let batch = queue.waiting.drain(..count).collect();
        self.metrics.queue_depth.set(queue.waiting.len() as i64);
        Next::Commit(batch)
    }
}

impl Shared {
    /// What was committing has its outcome, and makes room.
    fn make_room(&self) {
        let mut queue = lock(&self.queue);
        let was_full = queue.is_full();
        queue.committing = 0;
        if was_full {
            self.room.notify_all();
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    disk: DiskCheck,
    /// The last commit was one that the file opens quickly after.
    settled: bool,
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

impl Worker {
    fn run(mut self) {
        loop {
            let mut batch = match self.shared.next(self.patience()) {
                Next::Commit(batch) => batch,
                Next::LookAround => Vec::new(),
                Next::End => return,
            };
            // A write's own panic is caught where it is applied: this is one of the library.
            if catch_unwind(AssertUnwindSafe(|| self.step(&mut batch))).is_err() {
                self.recover();
            }
            self.shared.make_room();
            // Writes that a panic has left unanswered are answered when they are dropped.
            drop(batch);
        }
    }

    /// Closing what panicked may panic again; either way it is closed, and opened anew.
    fn recover(&self) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.live.close()));
        let _ = catch_unwind(AssertUnwindSafe(|| self.reopen_after("the committer panicked")));
    }

    fn patience(&self) -> Duration {
        match self.settled || self.shared.trouble.has_failed_commit() {
            true => LOOK_INTERVAL,
            false => IDLE,
        }
    }

    /// Nothing to commit means that nothing came.
    fn step(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return self.look_around();
        }
        self.refuse_growth(batch);
        if !batch.is_empty() {
            self.commit(batch);
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) {
        let act = |database: &Database| Ok(self.commit_to(database, batch));
        let ending = self.shared.live.ensure_open().and_then(|()| self.shared.live.with(act));
        let ending = ending.unwrap_or_else(|why| Ending::NotDone(why.to_string()));
        self.settle(batch, ending);
    }

    /// With the disk nearly full only what makes no new rows is taken.
    fn refuse_growth(&mut self, batch: &mut Vec<Box<dyn Job>>) {
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
    fn settle(&mut self, batch: &mut [Box<dyn Job>], ending: Ending) {
        self.shared.make_room();
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
    let mut batch = Batch::begin(transaction);
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

/// The lock, whether or not a thread that held it has panicked: what is behind these
/// locks is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "committer_tests.rs"]
mod tests;
