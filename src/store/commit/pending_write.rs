//! A write on its way through the committer, and the one who waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use crate::error::{Error, Result, Unavailable};
use crate::store::write_txn::{Failure, Write, WriteTxn};

/// A write of any type. What it comes to is kept until the batch is on disk, refusals
/// too: one may rest on what a neighbour has written and not yet committed.
pub(super) trait PendingWrite: Send {
    fn attempt(&mut self, batch: &mut WriteTxn<'_>) -> Effect;
    /// The batch is on disk, or had nothing to write: tells what the last attempt came to.
    fn answer(&mut self);
    /// Nothing of the batch is on disk.
    fn refuse(&mut self, error: Error);
    /// The batch may be on disk or not. A write that had nothing to write knows better.
    fn lose(&mut self, why: &str);
    fn wrote(&self) -> bool;
    fn grows(&self) -> bool;
}

/// What trying a write has done to the transaction.
pub(super) enum Effect {
    Fine,
    /// It failed after it had written: the batch is redone, and skips it.
    Spoilt,
    /// The store failed: the transaction is lost.
    Broken(redb::Error),
}

pub(super) struct Pending<W: Write> {
    write: W,
    outcome: Option<Result<W::Output>>,
    wrote: bool,
    spoilt: bool,
    reply: Promise<W::Output>,
}

/// The other end of a ticket: what will be known of the write once it is on disk.
pub struct WriteHandle<T>(Arc<ResultCell<T>>);

impl<W: Write> Pending<W> {
    /// A ticket, and the claim on it.
    pub fn issue(write: W) -> (Pending<W>, WriteHandle<W::Output>) {
        let slot = Arc::new(ResultCell(Mutex::new(State::Empty)));
        let reply = Promise(slot.clone());
        let ticket = Pending { write, outcome: None, wrote: false, spoilt: false, reply };
        (ticket, WriteHandle(slot))
    }
}

impl<W: Write> PendingWrite for Pending<W> {
    fn attempt(&mut self, batch: &mut WriteTxn<'_>) -> Effect {
        if self.spoilt {
            return Effect::Fine;
        }
        batch.dirty = false;
        let applied = catch_unwind(AssertUnwindSafe(|| self.write.apply(batch)));
        // Where it panicked is not known, so the transaction counts as touched.
        let applied = applied.unwrap_or_else(|_| {
            batch.dirty = true;
            Err(Failure::Refused(Error::Internal("a write panicked".into())))
        });
        self.wrote = batch.dirty;
        match applied {
            Ok(output) => self.outcome = Some(Ok(output)),
            Err(Failure::Broken(why)) => return Effect::Broken(why),
            Err(Failure::Refused(error)) => {
                self.outcome = Some(Err(error));
                self.spoilt = std::mem::take(&mut self.wrote);
            }
        }
        if self.spoilt { Effect::Spoilt } else { Effect::Fine }
    }

    fn answer(&mut self) {
        let unapplied = || Error::Internal("a write was answered that was never applied".into());
        self.reply.0.fill(self.outcome.take().unwrap_or_else(|| Err(unapplied())));
    }

    fn refuse(&mut self, error: Error) {
        self.reply.0.fill(Err(error));
    }

    fn lose(&mut self, why: &str) {
        self.refuse(match self.wrote {
            true => Error::Unavailable(Unavailable::OutcomeUnknown),
            false => Error::storage(why),
        });
    }

    fn wrote(&self) -> bool {
        self.wrote
    }

    fn grows(&self) -> bool {
        W::GROWS
    }
}

impl<T> WriteHandle<T> {
    /// Whether the write is on disk, or refused.
    pub fn is_ready(&self) -> bool {
        matches!(*self.0.lock(), State::Filled(_))
    }

    /// Waits for the write, if it isn't settled.
    pub fn wait(self) -> Result<T> {
        self.0.wait()
    }
}

/// Answers even when it is dropped unanswered: nobody waits for ever.
struct Promise<T>(Arc<ResultCell<T>>);

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if !matches!(*self.0.lock(), State::Filled(_) | State::Taken) {
            self.0.fill(unknown());
        }
    }
}

fn unknown<T>() -> Result<T> {
    Err(Error::Unavailable(Unavailable::OutcomeUnknown))
}

/// Where one result is left for whoever claims it.
struct ResultCell<T>(Mutex<State<T>>);

enum State<T> {
    Empty,
    /// This thread waits for it.
    Awaited(Thread),
    Filled(Result<T>),
    Taken,
}

impl<T> ResultCell<T> {
    fn fill(&self, result: Result<T>) {
        let before = std::mem::replace(&mut *self.lock(), State::Filled(result));
        if let State::Awaited(waiter) = before {
            waiter.unpark();
        }
    }

    fn wait(&self) -> Result<T> {
        loop {
            let mut state = self.lock();
            match std::mem::replace(&mut *state, State::Taken) {
                State::Filled(result) => return result,
                State::Taken => return unknown(),
                State::Empty | State::Awaited(_) => *state = State::Awaited(thread::current()),
            }
            drop(state);
            thread::park();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
