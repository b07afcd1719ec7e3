//! A write that waits for its commit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::write_handle::{Promise, WriteHandle};
use crate::error::{Error, Result, Unavailable};
use crate::store::write_txn::{Failure, Write, WriteTxn};

/// A write of any type on its way through the committer. Its result is kept back until the batch
/// is on disk. That goes for refusals too: a write may be refused because of what another one in
/// the batch has written.
pub(in crate::store) trait PendingWrite: Send {
    /// Applies the write to the transaction of its batch.
    fn apply(&mut self, txn: &mut WriteTxn<'_>) -> Effect;
    /// The batch is on disk, or had nothing to write: hands over the result.
    fn complete(&mut self);
    /// Nothing of the batch is on disk.
    fn refuse(&mut self, error: Error);
    /// The batch may be on disk or not. A write that has written nothing is refused instead.
    fn lose(&mut self, why: &str);
    /// Whether it has written anything.
    fn has_written(&self) -> bool;
    /// Whether it makes new rows.
    fn grows(&self) -> bool;
}

/// What applying a write has done to the transaction.
pub(in crate::store) enum Effect {
    /// It was applied, or refused before it wrote anything.
    Fine,
    /// It failed after it had written: the batch must be applied again, without it.
    Spoilt,
    /// The store failed: the transaction is lost.
    Broken(redb::Error),
}

pub(in crate::store) struct Pending<W: Write> {
    write: W,
    result: Option<Result<W::Output>>,
    has_written: bool,
    is_spoilt: bool,
    promise: Promise<W::Output>,
}

impl<W: Write> Pending<W> {
    pub fn new(write: W) -> (Pending<W>, WriteHandle<W::Output>) {
        let (promise, handle) = WriteHandle::new();
        let pending =
            Pending { write, result: None, has_written: false, is_spoilt: false, promise };
        (pending, handle)
    }
}

impl<W: Write> PendingWrite for Pending<W> {
    fn apply(&mut self, txn: &mut WriteTxn<'_>) -> Effect {
        if self.is_spoilt {
            return Effect::Fine;
        }
        txn.dirty = false;
        let applied = catch_unwind(AssertUnwindSafe(|| self.write.apply(txn)));
        // It may have panicked at any point, so the transaction counts as written to.
        let applied = applied.unwrap_or_else(|_| {
            txn.dirty = true;
            Err(Failure::Refused(Error::Internal("a write panicked".into())))
        });
        self.has_written = txn.dirty;
        match applied {
            Ok(output) => self.result = Some(Ok(output)),
            Err(Failure::Broken(why)) => return Effect::Broken(why),
            Err(Failure::Refused(error)) => {
                self.result = Some(Err(error));
                self.is_spoilt = std::mem::take(&mut self.has_written);
            }
        }
        if self.is_spoilt { Effect::Spoilt } else { Effect::Fine }
    }

    fn complete(&mut self) {
        let unapplied = || Error::Internal("a write was completed that was never applied".into());
        self.promise.fill(self.result.take().unwrap_or_else(|| Err(unapplied())));
    }

    fn refuse(&mut self, error: Error) {
        self.promise.fill(Err(error));
    }

    fn lose(&mut self, why: &str) {
        self.refuse(match self.has_written {
            true => Error::Unavailable(Unavailable::OutcomeUnknown),
            false => Error::storage(why),
        });
    }

    fn has_written(&self) -> bool {
        self.has_written
    }

    fn grows(&self) -> bool {
        W::GROWS
    }
}
