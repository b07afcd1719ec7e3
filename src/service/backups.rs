//! Backups, for admins.

use std::fs::{self, File};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::metrics::Gauge;
use crate::service::{Caller, Context, Service};

/// A verified backup on its way to a client. Its file has no name any more: the disk has
/// its room back when this is dropped, and when the process dies.
pub struct Download {
    pub file: File,
    pub made_at: Timestamp,
    last_backup: Gauge,
    _turn: Turn,
}

impl Download {
    /// Call it when all of the file has been sent: it counts as a backup only now, since
    /// nobody but the client has it. A later one that was made meanwhile stays the last.
    pub fn confirm_sent(&self) {
        self.last_backup.inner().fetch_max(self.made_at.as_secs() as i64, Ordering::AcqRel);
    }
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
            let last_backup = self.last_backup.clone();
            Ok(Download { file, made_at, last_backup, _turn: turn })
        })
    }
}
