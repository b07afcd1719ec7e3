//! The committer: who commits, and when.
//!
//! One at a time has the [`Committer`]. A write that finds it free takes it, and commits itself
//! with all that waits: that saves a lone client two switches between threads. What comes
//! while somebody commits waits, and when that one is done the committer's own thread goes
//! on, for as long as anything waits. So nobody commits for others more than once, and
//! under load the writes of a whole commit share the next one.

mod committer;
mod health;
mod pending_write;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::committer::{Committer, Shared};
use self::health::Health;
use self::pending_write::Pending;
use self::queue::{Queue, Waited};
use super::database::DatabaseHandle;
use super::wakeup::Wakeup;
use super::write_txn::Write;
use crate::clock::Clock;
use crate::error::Result;
use crate::metrics;

pub use self::committer::SettledCall;
pub use self::pending_write::WriteHandle;

/// How long the committer's own thread waits before it sees whether the store is idle.
const PATIENCE: Duration = Duration::from_millis(200);

pub(super) struct GroupCommit {
    shared: Arc<Shared>,
    turn: Arc<Mutex<Committer>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl GroupCommit {
    pub fn start(
        database: Arc<DatabaseHandle>,
        clock: Clock,
        metrics: metrics::Store,
    ) -> std::io::Result<GroupCommit> {
        let shared = Arc::new(Shared {
            database,
            queue: Queue::new(metrics.queue_depth.clone()),
            mail_wakeup: Wakeup::default(),
            health: Health::default(),
            when_settled: OnceLock::new(),
            metrics,
        });
        let turn = Arc::new(Mutex::new(Committer::new(shared.clone(), clock)));
        let (its_shared, its_turn) = (shared.clone(), turn.clone());
        let thread = thread::Builder::new()
            .name("committer".into())
            .spawn(move || run(&its_shared.queue, &its_turn))?;
        Ok(GroupCommit { shared, turn, thread: Mutex::new(Some(thread)) })
    }

    /// Waits until the write is on disk. Whoever calls holds no transaction and no lock.
    pub fn submit<W: Write>(&self, write: W) -> Result<W::Output> {
        let _waiter = self.shared.queue.admit()?;
        let (ticket, claim) = Pending::issue(write);
        self.shared.queue.push(Box::new(ticket))?;
        self.commit_if_free();
        claim.wait()
    }

    /// Puts the write on its way, or commits it at once. Whoever calls holds no transaction
    /// and no lock.
    pub fn begin<W: Write>(&self, write: W) -> Result<WriteHandle<W::Output>> {
        let (ticket, claim) = Pending::issue(write);
        self.shared.queue.push_unawaited(Box::new(ticket))?;
        self.commit_if_free();
        Ok(claim)
    }

    /// Whoever has the turn rings for what it has not taken, after it has let go of the
    /// turn: so a write that finds it taken is not forgotten.
    fn commit_if_free(&self) {
        match self.turn.try_lock() {
            Ok(mut turn) => turn.commit_waiting(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().commit_waiting(),
            Err(TryLockError::WouldBlock) => return,
        }
        self.shared.queue.notify_if_waiting();
    }

    pub fn mail_wakeup(&self) -> &Wakeup {
        &self.shared.mail_wakeup
    }

    pub fn disk_shortage(&self) -> Option<String> {
        self.shared.health.disk()
    }

    pub fn is_queue_full(&self) -> bool {
        self.shared.queue.is_full()
    }

    pub fn limit_waiters(&self, most: usize) {
        self.shared.queue.limit_waiters(most);
    }

    pub fn call_when_settled(&self, call: SettledCall) {
        // Where there is one already, that one stays.
        let _ = self.shared.when_settled.set(call);
    }

    pub fn committed_within(&self, time: Duration) -> bool {
        self.shared.health.last_commit().is_some_and(|at| at.elapsed() < time)
    }

    pub fn trouble(&self) -> Option<String> {
        self.shared.health.reason()
    }

    /// Commits what is queued and ends the thread; later writes are refused.
    pub fn stop(&self) {
        self.shared.queue.close();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic of the thread was logged where it happened.
            let _ = thread.join();
        }
        // One that commits for itself may still be at it.
        drop(lock(&self.turn));
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The committer's own thread.
fn run(queue: &Queue, turn: &Mutex<Committer>) {
    loop {
        match queue.wait(PATIENCE) {
            Waited::Arrival => lock(turn).commit_waiting(),
            Waited::Nothing => lock(turn).probe_if_due(),
            Waited::Closed => return,
        }
    }
}

/// The lock, whether or not a thread that held it has panicked: what panics in a turn is
/// caught there, and a handle is whole at any moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
