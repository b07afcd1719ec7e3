//! Writes that wait for a commit, and how many may.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pending_write::PendingWrite;
use crate::error::{Error, Result};
use crate::metrics::Gauge;

/// Writes that may be under way, waited for or not.
const MAX_UNDER_WAY: usize = 4096;
/// How long one thread too many waits before its write is refused.
const ADMISSION_TIMEOUT: Duration = Duration::from_millis(250);
/// A commit takes milliseconds, on a slow disk a few hundred: once nothing has moved for so
/// long, no more writes are begun than threads may wait for theirs.
const STANDSTILL: Duration = Duration::from_secs(1);
/// Writes that share a commit, at most.
const MAX_BATCH: usize = 1024;

const TOO_MANY: &str = "too many writes are waiting";

/// Writes that share a commit.
pub(super) type Batch = Vec<Box<dyn PendingWrite>>;

pub(super) struct Queue {
    state: Mutex<State>,
    /// Rung when something waits that nobody else commits, or the queue closes.
    bell: Condvar,
    /// Rung when another thread may wait for its write, or the queue closes.
    room: Condvar,
    depth: Gauge,
}

struct State {
    waiting: VecDeque<Box<dyn PendingWrite>>,
    /// How many have left the queue and have no outcome yet.
    committing: usize,
    /// When writes were last taken, or had their outcome, or the first of those came that wait.
    moved_at: Instant,
    /// Threads that wait for their writes, and how many may.
    waiters: usize,
    max_waiters: usize,
    closed: bool,
}

impl State {
    fn under_way(&self) -> usize {
        self.waiting.len() + self.committing
    }

    fn is_full(&self) -> bool {
        self.under_way() >= MAX_UNDER_WAY
    }

    /// Whether one more that no thread waits for would be one too many.
    fn has_enough_begun(&self) -> bool {
        self.under_way() >= self.max_waiters && self.moved_at.elapsed() > STANDSTILL
    }

    fn has_no_room(&self) -> bool {
        self.waiters >= self.max_waiters && !self.closed
    }
}

/// A thread's leave to wait for its write, until it is dropped.
pub(super) struct Waiter<'q>(&'q Queue);

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Arrival,
    /// Nothing came for as long as it was to wait.
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
            closed: false,
        };
        Queue { state: Mutex::new(state), bell: Condvar::new(), room: Condvar::new(), depth }
    }

    /// Lets the calling thread wait for a write, once there is room for it.
    pub fn admit(&self) -> Result<Waiter<'_>> {
        let (mut state, _) = self
            .room
            .wait_timeout_while(self.lock(), ADMISSION_TIMEOUT, |state| state.has_no_room())
            .unwrap_or_else(PoisonError::into_inner);
        if state.has_no_room() {
            return Err(Error::busy(TOO_MANY));
        }
        state.waiters += 1;
        Ok(Waiter(self))
    }

    /// Adds a job whose thread was admitted. Rings nobody: whoever adds one sees to it that
    /// it is committed.
    pub fn push(&self, job: Box<dyn PendingWrite>) -> Result<()> {
        self.push_unless(job, State::is_full)
    }

    /// Adds a job that no thread waits for.
    pub fn push_unawaited(&self, job: Box<dyn PendingWrite>) -> Result<()> {
        self.push_unless(job, |state| state.is_full() || state.has_enough_begun())
    }

    fn push_unless(
        &self,
        job: Box<dyn PendingWrite>,
        is_too_much: fn(&State) -> bool,
    ) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::busy("the service is stopping"));
        }
        if is_too_much(&state) {
            return Err(Error::busy(TOO_MANY));
        }
        if state.under_way() == 0 {
            state.moved_at = Instant::now();
        }
        state.waiting.push_back(job);
        self.depth.set(state.waiting.len() as i64);
        Ok(())
    }

    /// Everything that waits, up to a batch.
    pub fn take(&self) -> Batch {
        let mut state = self.lock();
        let count = state.waiting.len().min(MAX_BATCH);
        state.committing = count;
        state.moved_at = Instant::now();
        let jobs = state.waiting.drain(..count).collect();
        self.depth.set(state.waiting.len() as i64);
        jobs
    }

    /// What was taken has its outcome, and makes room.
    pub fn make_room(&self) {
        let mut state = self.lock();
        state.committing = 0;
        state.moved_at = Instant::now();
    }

    /// Waits until there is something to take.
    pub fn wait(&self, patience: Duration) -> Waited {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let (state, _) = self
            .bell
            .wait_timeout_while(self.lock(), patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        match (state.waiting.is_empty(), state.closed) {
            (false, _) => Waited::Arrival,
            (true, true) => Waited::Closed,
            (true, false) => Waited::Nothing,
        }
    }

    /// Rings for what came meanwhile, if anything did.
    pub fn notify_if_waiting(&self) {
        if !self.lock().waiting.is_empty() {
            self.bell.notify_one();
        }
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.bell.notify_all();
        self.room.notify_all();
    }

    pub fn limit_waiters(&self, most: usize) {
        self.lock().max_waiters = most.max(1);
    }

    /// Whether one more write would be refused, or made to wait for admission.
    pub fn is_full(&self) -> bool {
        let state = self.lock();
        state.is_full() || state.has_no_room() || state.has_enough_begun()
    }

    /// Whole between any two statements, even where a thread that held it has panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.lock().waiters -= 1;
        self.0.room.notify_one();
    }
}
