//! Writes that wait for a commit, and how many may.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::pending_write::PendingWrite;
use crate::error::{Error, Result};
use crate::metrics::Gauge;

/// Writes that may wait or be committed at once, whether or not a thread waits for them.
const MAX_UNDER_WAY: usize = 4096;
/// How long a thread waits for a permit before its write is refused, counted from the last
/// commit's end where the disk hangs.
const PERMIT_TIMEOUT: Duration = Duration::from_millis(250);
/// A commit takes milliseconds, on a slow disk a few hundred. When no commit has ended for this
/// long, the disk hangs, and only as many writes may be under way as threads may wait.
const STANDSTILL: Duration = Duration::from_secs(1);
/// Writes that share a commit, at most.
const MAX_BATCH: usize = 1024;

const TOO_MANY: &str = "too many writes are waiting";

/// Writes that share a commit.
pub(super) type Batch = Vec<Box<dyn PendingWrite>>;

pub(in crate::store) struct Queue {
    state: Mutex<State>,
    /// Notified when a write waits that no caller commits, or the queue closes.
    arrived: Condvar,
    /// Notified when another thread may wait for its write, or the queue closes.
    has_room: Condvar,
    depth: Gauge,
}

struct State {
    waiting: VecDeque<Box<dyn PendingWrite>>,
    /// How many writes have left the queue and have no result yet.
    committing: usize,
    /// When a batch was last taken or done, or a write came while none was under way.
    moved_at: Instant,
    /// Threads that wait for their writes, and how many may.
    waiters: usize,
    max_waiters: usize,
    is_closed: bool,
}

impl State {
    fn under_way(&self) -> usize {
        self.waiting.len() + self.committing
    }

    fn is_full(&self) -> bool {
        self.under_way() >= MAX_UNDER_WAY
    }

    /// For how long writes have been under way without one that ended.
    fn stalled_for(&self) -> Duration {
        if self.under_way() == 0 { Duration::ZERO } else { self.moved_at.elapsed() }
    }

    /// Whether the disk hangs and no further write may begin that no thread waits for.
    fn is_at_standstill(&self) -> bool {
        self.under_way() >= self.max_waiters && self.stalled_for() > STANDSTILL
    }

    /// How long a thread may wait for a permit now. While the disk hangs, permits don't become
    /// free, and every thread that waited for one would be missing where probes are answered.
    fn permit_timeout(&self) -> Duration {
        PERMIT_TIMEOUT.saturating_sub(self.stalled_for())
    }

    fn has_too_many_waiters(&self) -> bool {
        self.waiters >= self.max_waiters && !self.is_closed
    }
}

/// The right of a thread to wait for its write, until it is dropped.
pub(in crate::store) struct WaitPermit<'q>(&'q Queue);

/// What ended the committer's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Waited {
    Arrival,
    /// Nothing came in time.
    Nothing,
    /// The queue is closed and empty.
    Closed,
}

impl Queue {
    pub fn new(depth: Gauge) -> Queue {
        let state = State {
            waiting: VecDeque::new(),
            committing: 0,
            moved_at: Instant::now(),
            waiters: 0,
            max_waiters: MAX_UNDER_WAY,
            is_closed: false,
        };
        let (arrived, has_room) = (Condvar::new(), Condvar::new());
        Queue { state: Mutex::new(state), arrived, has_room, depth }
    }

    /// Lets the calling thread wait for a write, as soon as few enough others do.
    ///
    /// # Errors
    /// `Unavailable` where too many threads still wait after [`PERMIT_TIMEOUT`], and at once
    /// where no commit has ended for that long.
    pub fn permit_wait(&self) -> Result<WaitPermit<'_>> {
        let mut state = self.state.lock();
        let too_many = |state: &mut State| state.has_too_many_waiters();
        let timeout = state.permit_timeout();
        self.has_room.wait_while_for(&mut state, too_many, timeout);
        if state.has_too_many_waiters() {
            return Err(Error::busy(TOO_MANY));
        }
        state.waiters += 1;
        Ok(WaitPermit(self))
    }

    /// Adds a write whose thread has a permit to wait. The caller sees to it that somebody
    /// commits the write: this notifies nobody.
    pub fn push(&self, write: Box<dyn PendingWrite>) -> Result<()> {
        self.push_unless(write, State::is_full)
    }

    /// Adds a write that no thread waits for; otherwise like [`Queue::push`].
    pub fn push_unawaited(&self, write: Box<dyn PendingWrite>) -> Result<()> {
        self.push_unless(write, |state| state.is_full() || state.is_at_standstill())
    }

    fn push_unless(
        &self,
        write: Box<dyn PendingWrite>,
        is_too_much: fn(&State) -> bool,
    ) -> Result<()> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Error::stopping());
        }
        if is_too_much(&state) {
            return Err(Error::busy(TOO_MANY));
        }
        if state.under_way() == 0 {
            state.moved_at = Instant::now();
        }
        state.waiting.push_back(write);
        self.depth.set(state.waiting.len() as i64);
        Ok(())
    }

    /// Takes what waits, [`MAX_BATCH`] writes at most.
    pub fn take(&self) -> Batch {
        let mut state = self.state.lock();
        let count = state.waiting.len().min(MAX_BATCH);
        state.committing = count;
        state.moved_at = Instant::now();
        let batch = state.waiting.drain(..count).collect();
        self.depth.set(state.waiting.len() as i64);
        batch
    }

    /// The batch that was taken is done, so that as many others may come.
    pub fn make_room(&self) {
        let mut state = self.state.lock();
        state.committing = 0;
        state.moved_at = Instant::now();
    }

    /// Waits until there is something to take, at most for `limit`.
    pub fn wait(&self, limit: Duration) -> Waited {
        let mut state = self.state.lock();
        let idle = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
        self.arrived.wait_while_for(&mut state, idle, limit);
        match (state.waiting.is_empty(), state.is_closed) {
            (false, _) => Waited::Arrival,
            (true, true) => Waited::Closed,
            (true, false) => Waited::Nothing,
        }
    }

    /// Wakes the committer's own thread if anything waits.
    pub fn notify_if_waiting(&self) {
        if !self.state.lock().waiting.is_empty() {
            self.arrived.notify_one();
        }
    }

    pub fn close(&self) {
        self.state.lock().is_closed = true;
        self.arrived.notify_all();
        self.has_room.notify_all();
    }

    pub fn limit_waiters(&self, max: usize) {
        self.state.lock().max_waiters = max.max(1);
    }

    /// Whether one more write would be refused, or its thread made to wait for a permit.
    pub fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.is_full() || state.has_too_many_waiters() || state.is_at_standstill()
    }
}

impl Drop for WaitPermit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().waiters -= 1;
        self.0.has_room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_thread_waits_for_a_permit_while_the_disk_hangs() {
        let queue = Queue::new(Gauge::default());
        let mut state = queue.state.lock();
        state.moved_at = Instant::now().checked_sub(PERMIT_TIMEOUT).unwrap();
        assert_eq!(state.permit_timeout(), PERMIT_TIMEOUT, "nothing is under way");
        state.committing = 1;
        assert_eq!(state.permit_timeout(), Duration::ZERO);
    }
}
