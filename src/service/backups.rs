//! Backups, for admins.

use std::fs::{self, File};
use std::sync::atomic::Ordering;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};
use crate::metrics::Gauge;
use crate::service::{Caller, Context, Service};
use crate::store::BackupPermit;

/// A checked backup on its way to a client. Its file has no name any more, so the disk space is
/// free again when this is dropped, or when the process dies.
pub struct Download {
    pub file: File,
    pub made_at: Timestamp,
    clock: Clock,
    last_backup: Gauge,
    _permit: BackupPermit,
}

impl Download {
    /// Call it when the whole file has been sent: only then it counts as a backup, since nobody
    /// but the client has it. If a later backup was made meanwhile, that one stays the last, but
    /// not one of the future: the clock was wrong then.
    pub fn confirm_sent(&self) {
        let (made, now) = (self.made_at.as_secs() as i64, self.clock.now().as_secs() as i64);
        let later = |last| (!(made..=now).contains(&last)).then_some(made);
        let _ = self.last_backup.inner().fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }
}

impl Service {
    /// Makes a backup beside the database and opens it. No transaction is open afterwards.
    pub fn back_up(&self, cx: &Context, caller: &Caller) -> Result<Download> {
        self.operations.back_up.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            caller.require_admin()?;
            // Each download takes as much disk as the store, so there is one at a time.
            let permit = self.download_lock.try_take()?;
            let made_at = self.clock.now();
            let report = self.store.back_up_to(&self.download_path)?;
            notes.add("rows", report.rows);
            let file = File::open(&report.path).map_err(Error::internal)?;
            fs::remove_file(&report.path).map_err(Error::internal)?;
            let (clock, last_backup) = (self.clock.clone(), self.last_backup.clone());
            Ok(Download { file, made_at, clock, last_backup, _permit: permit })
        })
    }
}
