//! Writes that wait for a commit, and how many may.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ticket::Job;
use crate::error::{Error, Result};
use crate::metrics::Gauge;

/// Writes that may be under way, where nobody says otherwise.
const DEFAULT_MAX_UNDER_WAY: usize = 4096;
/// How long one more waits for its turn before it is refused. A commit takes milliseconds:
/// whoever waits longer has met a disk that hangs.
const ADMISSION_PATIENCE: Duration = Duration::from_millis(250);
/// Writes that share a commit, at most.
const MAX_BATCH: usize = 1024;

/// Writes that share a commit.
pub(super) type Jobs = Vec<Box<dyn Job>>;

pub(super) struct Queue {
    state: Mutex<State>,
    /// Rung when something waits that nobody else commits, or the queue closes.
    bell: Condvar,
    /// Rung when a full queue has room again, or closes.
    room: Condvar,
    depth: Gauge,
}

struct State {
    waiting: VecDeque<Box<dyn Job>>,
    /// How many have left the queue and have no answer yet.
    committing: usize,
    max_under_way: usize,
    closed: bool,
}

impl State {
    fn is_full(&self) -> bool {
        self.waiting.len() + self.committing >= self.max_under_way
    }
}

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
        let (waiting, max_under_way) = (VecDeque::new(), DEFAULT_MAX_UNDER_WAY);
        let state = State { waiting, committing: 0, max_under_way, closed: false };
        Queue { state: Mutex::new(state), bell: Condvar::new(), room: Condvar::new(), depth }
    }

    /// Rings nobody: whoever adds a job sees to it that it is committed.
    pub fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let no_room = |state: &mut State| state.is_full() && !state.closed;
        let (mut state, _) = self
            .room
            .wait_timeout_while(self.lock(), ADMISSION_PATIENCE, no_room)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(Error::busy("the service is stopping"));
        }
        if state.is_full() {
            return Err(Error::busy("too many writes are waiting"));
        }
        state.waiting.push_back(job);
        self.depth.set(state.waiting.len() as i64);
        Ok(())
    }

    /// Everything that waits, up to a batch.
    pub fn take(&self) -> Jobs {
        let mut state = self.lock();
        let count = state.waiting.len().min(MAX_BATCH);
        state.committing = count;
        let jobs = state.waiting.drain(..count).collect();
        self.depth.set(state.waiting.len() as i64);
        jobs
    }

    /// What was taken has its outcome, and makes room.
    pub fn make_room(&self) {
        let mut state = self.lock();
        let was_full = state.is_full();
        state.committing = 0;
        if was_full {
            self.room.notify_all();
        }
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
    pub fn ring_for_the_rest(&self) {
        if !self.lock().waiting.is_empty() {
            self.bell.notify_one();
        }
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.bell.notify_all();
        self.room.notify_all();
    }

    pub fn limit(&self, max_under_way: usize) {
        self.lock().max_under_way = max_under_way.max(1);
    }

    pub fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// Whole between any two statements, even where a thread that held it has panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
