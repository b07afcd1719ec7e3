//! Group commit: who commits, and when.
//!
//! One thread at a time has the [`Committer`]. A caller that finds it free takes it and commits
//! its own write together with all others that wait: that saves a lone client two switches
//! between threads. Writes that come meanwhile wait in the queue. When that caller is done, the
//! committer's own thread goes on as long as anything waits. So no caller commits more than once,
//! and under load all writes that came during one commit share the next.

mod committer;
mod health;
mod pending_write;
mod queue;
#[cfg(test)]
mod tests;
mod write_handle;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use self::committer::Committer;
use self::queue::Waited;
use crate::clock::Clock;

pub(super) use self::committer::Shared;
pub(super) use self::pending_write::Pending;
pub use self::write_handle::WriteHandle;

/// How long the committer's own thread waits for a write before it sees whether a probe is due.
const WAIT_FOR_WRITES: Duration = Duration::from_millis(200);

/// The committer, the lock that it is behind, and its own thread.
///
/// The lock stays usable after a panic: the committer catches what panics and opens the database
/// again before it lets go of the lock.
pub(super) struct GroupCommit {
    shared: Arc<Shared>,
    committer: Arc<Mutex<Committer>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl GroupCommit {
    pub fn start(shared: Arc<Shared>, clock: Clock) -> std::io::Result<GroupCommit> {
        let committer = Arc::new(Mutex::new(Committer::new(shared.clone(), clock)));
        let (its_shared, its_committer) = (shared.clone(), committer.clone());
        let thread = thread::Builder::new()
            .name("committer".into())
            .spawn(move || run(&its_shared, &its_committer))?;
        Ok(GroupCommit { shared, committer, thread: Mutex::new(Some(thread)) })
    }

    /// Commits what waits, unless another thread has the committer. That one looks at the queue
    /// after it has let go of the committer, so no write is forgotten.
    pub fn commit_if_free(&self) {
        let Some(mut committer) = self.committer.try_lock() else { return };
        committer.commit_waiting();
        drop(committer);
        self.shared.queue.notify_if_waiting();
    }

    /// Commits what is queued and ends the thread. Later writes are refused.
    pub fn stop(&self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the thread was logged where it happened.
            let _ = thread.join();
        }
        // A caller may still be committing.
        drop(self.committer.lock());
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The committer's own thread.
fn run(shared: &Shared, committer: &Mutex<Committer>) {
    loop {
        match shared.queue.wait(WAIT_FOR_WRITES) {
            Waited::Arrival => committer.lock().commit_waiting(),
            Waited::Nothing => committer.lock().probe_if_due(),
            Waited::Closed => return,
        }
    }
}
