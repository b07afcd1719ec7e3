//! Backups, for admins.

use std::fs::{self, File};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::service::{Caller, Context, Service};

/// Beside the database, while it is made.
pub const DOWNLOAD_FILE: &str = "orders.download";

/// A verified backup on its way to a client. Its file has no name any more: the disk has
/// its room back when this is dropped, and when the process dies.
pub struct Download {
    pub file: File,
    pub made_at: Timestamp,
    _turn: Turn,
}

/// One download at a time: each takes as much disk as the store.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Result<Turn> {
        match taken.swap(true, Ordering::AcqRel) {
            true => Err(Error::Conflict("A backup is under way")),
            false => Ok(Turn(taken.clone())),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Service {
    /// Makes a backup beside the database and opens it. No transaction is open afterwards.
    pub fn back_up(&self, cx: &Context, caller: &Caller) -> Result<Download> {
        self.operations.back_up.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            let turn = Turn::take(&self.downloading)?;
            let made_at = self.clock.now();
            let report = self.store.back_up_to(&self.download_path)?;
            notes.add("rows", report.rows);
            let file = File::open(&report.path).map_err(Error::internal)?;
            fs::remove_file(&report.path).map_err(Error::internal)?;
            Ok(Download { file, made_at, _turn: turn })
        })
    }
}
