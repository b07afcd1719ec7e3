//! One backup at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Hands out one permit at a time. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct BackupLock(Arc<AtomicBool>);

/// The right to make a backup. Dropping it gives it back.
#[derive(Debug)]
pub struct BackupPermit(Arc<AtomicBool>);

impl BackupLock {
    /// # Errors
    /// `Conflict` while somebody has the permit.
    pub fn try_take(&self) -> Result<BackupPermit> {
        if self.0.swap(true, Ordering::AcqRel) {
            return Err(Error::conflict("A backup is under way"));
        }
        Ok(BackupPermit(self.0.clone()))
    }
}

impl Drop for BackupPermit {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
