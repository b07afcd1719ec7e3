//! What a caller has of its write: the result, once it is known.

use std::sync::Arc;
use std::thread::{self, Thread};

use parking_lot::Mutex;

use crate::error::{Error, Result, Unavailable};

/// Gives the result of a write once that is on disk, or refused.
pub struct WriteHandle<T>(Arc<ResultCell<T>>);

/// The committer's end of a [`WriteHandle`]. One that is dropped without a result gives
/// `OutcomeUnknown`, so that no caller waits for ever.
pub(super) struct Promise<T>(Arc<ResultCell<T>>);

/// Holds one result until its caller takes it.
struct ResultCell<T>(Mutex<State<T>>);

enum State<T> {
    Empty,
    /// This thread waits for the result.
    Awaited(Thread),
    Filled(Result<T>),
    Taken,
}

impl<T> WriteHandle<T> {
    pub(super) fn new() -> (Promise<T>, WriteHandle<T>) {
        let cell = Arc::new(ResultCell(Mutex::new(State::Empty)));
        (Promise(cell.clone()), WriteHandle(cell))
    }

    /// Whether the write is on disk, or refused.
    pub fn is_ready(&self) -> bool {
        matches!(*self.0.0.lock(), State::Filled(_))
    }

    /// Waits until the write is on disk, or refused.
    pub fn wait(self) -> Result<T> {
        self.0.wait()
    }
}

impl<T> Promise<T> {
    pub fn fill(&self, result: Result<T>) {
        self.0.fill(result);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let is_filled = matches!(*self.0.0.lock(), State::Filled(_) | State::Taken);
        if !is_filled {
            self.0.fill(unknown());
        }
    }
}

fn unknown<T>() -> Result<T> {
    Err(Error::Unavailable(Unavailable::OutcomeUnknown))
}

impl<T> ResultCell<T> {
    fn fill(&self, result: Result<T>) {
        let before = std::mem::replace(&mut *self.0.lock(), State::Filled(result));
        if let State::Awaited(waiter) = before {
            waiter.unpark();
        }
    }

    fn wait(&self) -> Result<T> {
        loop {
            let mut state = self.0.lock();
            match std::mem::replace(&mut *state, State::Taken) {
                State::Filled(result) => return result,
                State::Taken => return unknown(),
                State::Empty | State::Awaited(_) => *state = State::Awaited(thread::current()),
            }
            drop(state);
            thread::park();
        }
    }
}
