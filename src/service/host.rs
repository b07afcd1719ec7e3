//! What the operator asks of a running service.

use std::path::PathBuf;

use log::LevelFilter;

use super::caller::Caller;
use super::context::Context;
use super::state::Service;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::logging;
use crate::store::{Check, Counts};

/// The content of `GET /admin/status`.
#[derive(Debug)]
pub struct Status {
    pub environment: &'static str,
    pub started_at: Timestamp,
    pub database: PathBuf,
    pub counts: Counts,
    /// When the last verified backup was made.
    pub last_backup: Option<Timestamp>,
}

impl Service {
    /// For admins.
    pub fn status(&self, cx: &Context, caller: &Caller) -> Result<Status> {
        self.operations.status.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            caller.require_admin()?;
            Ok(Status {
                environment: self.environment,
                started_at: self.started_at,
                database: self.database_path.clone(),
                counts: self.store.read()?.counts()?,
                last_backup: known_time(self.last_backup.get()),
            })
        })
    }

    /// Has the log tell what is at least so grave, until the next start; for the operator.
    pub fn set_log_level(&self, cx: &Context, caller: &Caller, level: LevelFilter) -> Result<()> {
        // The line that tells of it is written under the level that tells more.
        let is_more = level > log::max_level();
        let done = self.operations.set_log_level.run(cx, |notes| {
            caller.note(notes);
            notes.add("level", level);
            caller.require_operator()?;
            if is_more {
                logging::set_level(level);
            }
            Ok(())
        });
        if done.is_ok() {
            logging::set_level(level);
        }
        done
    }

    /// Checks what is committed now, row against row; for admins. Writes go on meanwhile.
    ///
    /// # Errors
    /// `Conflict` while another check is under way.
    pub fn check_store(&self, cx: &Context, caller: &Caller) -> Result<Check> {
        self.operations.check.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            caller.require_admin()?;
            // Each holds a thread, and keeps a snapshot's pages from being used again.
            let Some(_checking) = self.check_lock.try_lock() else {
                return Err(Error::conflict("A check is under way"));
            };
            let check = self.store.check()?;
            notes.add("faults", check.fault_count);
            Ok(check)
        })
    }
}

/// A gauge of a time in seconds; 0 is none.
fn known_time(seconds: i64) -> Option<Timestamp> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Timestamp::from_secs)
}
