//! The committer: one thread that owns the write transaction.
//!
//! It takes everything that waits, applies it to one transaction, commits once and then
//! answers everyone. A write that is refused before it wrote anything costs its
//! neighbours nothing; one that fails after its first write makes the committer drop
//! the transaction and redo the batch without it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use redb::{Database, WriteTransaction};

use super::batch::{Batch, Failure, Write};
use super::database::Live;
use super::wakeup::Wakeup;
use crate::clock::Clock;
use crate::error::{Error, Result, Unavailable};
use crate::metrics;

/// Writes that may wait; one more is refused.
const MAX_QUEUED: usize = 4096;
/// Writes that share a commit, at most.
const MAX_BATCH: usize = 1024;
/// Below this much free disk nothing new is taken, so that what is there can still be
/// marked, pruned and closed. In bytes.
const MIN_FREE_BYTES: u64 = 32 * 1024 * 1024;
const DISK_CHECK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    live: Arc<Live>,
    queue: Mutex<Queue>,
    /// Rung when the queue gets its first write, or closes.
    arrivals: Condvar,
    mail_wakeup: Wakeup,
    trouble: Mutex<Option<String>>,
    metrics: metrics::Store,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Job>>,
    closed: bool,
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
            mail_wakeup: Wakeup::default(),
            trouble: Mutex::default(),
            metrics,
        });
        let worker = Worker { shared: shared.clone(), disk: DiskCheck::new(clock) };
        let thread = thread::Builder::new().name("committer".into()).spawn(move || worker.run())?;
        Ok(Committer { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Waits until the write is on disk. Whoever calls holds no transaction and no lock.
    pub fn submit<W: Write>(&self, write: W) -> Result<W::Output> {
        let slot = Arc::new(Slot::of_this_thread());
        let ticket = Ticket { write, applied: None, reply: Reply(slot.clone()) };
        self.shared.enqueue(Box::new(ticket))?;
        slot.wait()
    }

    pub fn mail_wakeup(&self) -> &Wakeup {
        &self.shared.mail_wakeup
    }

    pub fn trouble(&self) -> Option<String> {
        lock(&self.shared.trouble).clone()
    }

    /// Commits what is queued and ends the thread; later writes are refused.
    pub fn stop(&self) {
        lock(&self.shared.queue).closed = true;
        self.shared.arrivals.notify_all();
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

impl Shared {
    fn enqueue(&self, job: Box<dyn Job>) -> Result<()> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Error::busy("the service is stopping"));
        }
        if queue.waiting.len() >= MAX_QUEUED {
            return Err(Error::busy("too many writes are waiting"));
        }
        queue.waiting.push_back(job);
        self.metrics.queue_depth.set(queue.waiting.len() as i64);
        if queue.waiting.len() == 1 {
            self.arrivals.notify_one();
        }
        Ok(())
    }

    /// Everything that waits, up to a batch; none when there will be no more.
    fn next_batch(&self) -> Option<Vec<Box<dyn Job>>> {
        let mut queue = lock(&self.queue);
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.arrivals.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let count = queue.waiting.len().min(MAX_BATCH);
        let batch = queue.waiting.drain(..count).collect();
        self.metrics.queue_depth.set(queue.waiting.len() as i64);
        Some(batch)
    }
}

struct Worker {
    shared: Arc<Shared>,
    disk: DiskCheck,
}

/// What became of a batch.
enum Ending {
    Committed,
    /// Nothing was written; the reason is for the log and the health check.
    NotDone(String),
    /// The commit itself failed: it may be on disk or not.
    Unknown(String),
}

impl Worker {
    fn run(mut self) {
        while let Some(mut batch) = self.shared.next_batch() {
            self.refuse_growth(&mut batch);
            if batch.is_empty() {
                continue;
            }
            let ending = self.commit(&mut batch);
            self.settle(batch, ending);
        }
    }

    /// With the disk nearly full only what makes no new rows is taken.
    fn refuse_growth(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        if let Some(why) = self.disk.shortage(&self.shared.live) {
            for mut job in batch.extract_if(.., |job| job.grows()) {
                job.refuse(Error::busy(why.clone()));
            }
            *lock(&self.shared.trouble) = Some(why);
        } else if self.disk.just_recovered() {
            *lock(&self.shared.trouble) = None;
        }
    }

    fn commit(&self, batch: &mut Vec<Box<dyn Job>>) -> Ending {
        let result = self.shared.live.with(|database| Ok(self.commit_to(database, batch)));
        result.unwrap_or_else(|why| Ending::NotDone(why.to_string()))
    }

    /// Every turn of the loop drops at least one write from the batch, so it ends.
    fn commit_to(&self, database: &Database, batch: &mut Vec<Box<dyn Job>>) -> Ending {
        loop {
            let transaction = match database.begin_write() {
                Ok(transaction) => transaction,
                Err(why) => return Ending::NotDone(why.to_string()),
            };
            match apply_all(&transaction, batch) {
                Ok(Round { dirty: false, .. }) => return Ending::Committed,
                Ok(round) => return self.commit_transaction(transaction, round, batch.len()),
                Err(Spoilt::By(index)) => drop(batch.remove(index)),
                Err(Spoilt::Store(why)) => return Ending::NotDone(why.to_string()),
            }
        }
    }

    fn commit_transaction(
        &self,
        transaction: WriteTransaction,
        round: Round,
        size: usize,
    ) -> Ending {
        let started = Instant::now();
        if let Err(why) = transaction.commit() {
            return Ending::Unknown(why.to_string());
        }
        self.shared.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.shared.metrics.batch_size.observe(size as f64);
        if round.queued_mail {
            self.shared.mail_wakeup.ring();
        }
        Ending::Committed
    }

    fn settle(&mut self, batch: Vec<Box<dyn Job>>, ending: Ending) {
        match ending {
            Ending::Committed => {
                for mut job in batch {
                    job.confirm();
                }
                self.recovered();
            }
            Ending::NotDone(why) => {
                self.failed(&why);
                for mut job in batch {
                    job.refuse(Error::storage(&why));
                }
            }
            Ending::Unknown(why) => {
                self.failed(&why);
                for mut job in batch {
                    job.refuse(Error::Unavailable(Unavailable::OutcomeUnknown));
                }
            }
        }
    }

    fn recovered(&self) {
        let mut trouble = lock(&self.shared.trouble);
        if trouble.is_some() && !self.disk.is_short() {
            *trouble = None;
            log::warn!("the store takes writes again");
        }
    }

    /// The handle is of no more use after an I/O error: the file is opened again before
    /// anyone is answered, so that the next write finds a store that works if the disk does.
    fn failed(&self, why: &str) {
        self.shared.metrics.failed_commits.inc();
        log::error!("commit failed: {why}");
        *lock(&self.shared.trouble) = Some(format!("the last commit failed: {why}"));
        if let Err(why) = self.shared.live.reopen() {
            log::error!("reopening the store failed: {why}");
        }
    }
}

/// What a round of applying has done.
struct Round {
    dirty: bool,
    queued_mail: bool,
}

enum Spoilt {
    /// The write at this index failed after it had written, and has been answered.
    By(usize),
    Store(redb::Error),
}

impl Spoilt {
    /// A failure that belongs to no single write.
    fn of(failure: Failure) -> Spoilt {
        match failure {
            Failure::Broken(why) => Spoilt::Store(why),
            Failure::Refused(why) => Spoilt::Store(redb::Error::Corrupted(why.to_string())),
        }
    }
}

/// Applies all writes; those refused before they wrote are answered and leave the batch.
fn apply_all(
    transaction: &WriteTransaction,
    jobs: &mut Vec<Box<dyn Job>>,
) -> std::result::Result<Round, Spoilt> {
    let mut batch = Batch::begin(transaction);
    let mut written = false;
    let mut index = 0;
    while index < jobs.len() {
        batch.dirty = false;
        match jobs[index].attempt(&mut batch) {
            Ok(()) => index += 1,
            Err(Failure::Broken(why)) => return Err(Spoilt::Store(why)),
            Err(Failure::Refused(error)) => {
                jobs[index].refuse(error);
                if batch.dirty {
                    return Err(Spoilt::By(index));
                }
                jobs.remove(index);
            }
        }
        written |= batch.dirty;
    }
    if written {
        batch.finish().map_err(Spoilt::of)?;
    }
    Ok(Round { dirty: written, queued_mail: batch.queued_mail })
}

/// A write of any type, with the one who waits for it.
trait Job: Send {
    fn attempt(&mut self, batch: &mut Batch<'_>) -> std::result::Result<(), Failure>;
    /// It is on disk: hands out what the last attempt gave.
    fn confirm(&mut self);
    fn refuse(&mut self, error: Error);
    fn grows(&self) -> bool;
}

struct Ticket<W: Write> {
    write: W,
    applied: Option<W::Output>,
    reply: Reply<W::Output>,
}

impl<W: Write> Job for Ticket<W> {
    fn attempt(&mut self, batch: &mut Batch<'_>) -> std::result::Result<(), Failure> {
        self.applied = None;
        let result = catch_unwind(AssertUnwindSafe(|| self.write.apply(batch)));
        // Where it panicked is not known, so the transaction counts as touched.
        let applied = result.unwrap_or_else(|_| {
            batch.dirty = true;
            Err(Failure::Refused(Error::Internal("a write panicked".into())))
        })?;
        self.applied = Some(applied);
        Ok(())
    }

    fn confirm(&mut self) {
        let unapplied = || Error::Internal("a write was confirmed that was never applied".into());
        self.reply.0.fill(self.applied.take().ok_or_else(unapplied));
    }

    fn refuse(&mut self, error: Error) {
        self.reply.0.fill(Err(error));
    }

    fn grows(&self) -> bool {
        W::GROWS
    }
}

/// Answers even when it is dropped unanswered: nobody waits for ever.
struct Reply<T>(Arc<Slot<T>>);

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if !self.0.filled.load(Ordering::Acquire) {
            self.0.fill(Err(Error::Unavailable(Unavailable::OutcomeUnknown)));
        }
    }
}

/// Where one thread waits for one result.
struct Slot<T> {
    value: Mutex<Option<Result<T>>>,
    filled: AtomicBool,
    waiter: Thread,
}

impl<T> Slot<T> {
    fn of_this_thread() -> Slot<T> {
        Slot { value: Mutex::new(None), filled: AtomicBool::new(false), waiter: thread::current() }
    }

    fn fill(&self, result: Result<T>) {
        *lock(&self.value) = Some(result);
        self.filled.store(true, Ordering::Release);
        self.waiter.unpark();
    }

    fn wait(&self) -> Result<T> {
        while !self.filled.load(Ordering::Acquire) {
            thread::park();
        }
        let result = lock(&self.value).take();
        result.unwrap_or(Err(Error::Unavailable(Unavailable::OutcomeUnknown)))
    }
}

/// Looks at the free disk at most once an interval.
struct DiskCheck {
    clock: Clock,
    looked_at: Option<Duration>,
    shortage: Option<String>,
    recovered: bool,
}

impl DiskCheck {
    fn new(clock: Clock) -> DiskCheck {
        DiskCheck { clock, looked_at: None, shortage: None, recovered: false }
    }

    fn shortage(&mut self, live: &Live) -> Option<String> {
        let now = self.clock.uptime();
        if self.looked_at.is_none_or(|at| now.saturating_sub(at) >= DISK_CHECK_INTERVAL) {
            self.looked_at = Some(now);
            let was_short = self.is_short();
            self.shortage = live
                .free_bytes()
                .filter(|free| *free < MIN_FREE_BYTES)
                .map(|free| format!("the disk is nearly full: {} KiB are free", free / 1024));
            self.recovered = was_short && !self.is_short();
        }
        self.shortage.clone()
    }

    fn is_short(&self) -> bool {
        self.shortage.is_some()
    }

    fn just_recovered(&mut self) -> bool {
        std::mem::take(&mut self.recovered)
    }
}

/// The lock, whether or not a thread that held it has panicked: what is behind these
/// locks is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
