//! Why the store can't take a write, as far as it knows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::store::database::DatabaseHandle;

/// Below this much free disk nothing new is taken, so that what is there can still be
/// marked, pruned and closed. In bytes.
const MIN_FREE_BYTES: u64 = 32 * 1024 * 1024;
const DISK_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Two reasons, each with an end of its own: room on the disk ends the one, and only a
/// commit that worked ends the other.
#[derive(Default)]
pub(super) struct Health(Mutex<Reasons>);

#[derive(Default)]
struct Reasons {
    disk: Option<String>,
    commit: Option<String>,
    last_commit: Option<Instant>,
}

impl Health {
    /// The reason to tell, if there is any.
    pub fn reason(&self) -> Option<String> {
        let reasons = self.lock();
        reasons.commit.as_ref().or(reasons.disk.as_ref()).cloned()
    }

    /// Why there is no room, if there is none.
    pub fn disk(&self) -> Option<String> {
        self.lock().disk.clone()
    }

    /// When a commit of something has last worked.
    pub fn last_commit(&self) -> Option<Instant> {
        self.lock().last_commit
    }

    pub fn note_commit(&self) {
        self.lock().last_commit = Some(Instant::now());
    }

    pub fn has_failed_commit(&self) -> bool {
        self.lock().commit.is_some()
    }

    pub fn record_failed_commit(&self, why: &str) {
        self.lock().commit = Some(format!("the last commit failed: {why}"));
    }

    /// A commit worked; true when that ends a trouble.
    pub fn end_failed_commit(&self) -> bool {
        self.lock().commit.take().is_some()
    }

    pub fn record_disk(&self, shortage: Option<&str>) {
        self.lock().disk = shortage.map(str::to_owned);
    }

    fn lock(&self) -> MutexGuard<'_, Reasons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the free disk at most once an interval.
pub(super) struct DiskCheck {
    clock: Clock,
    looked_at: Option<Duration>,
    shortage: Option<String>,
}

impl DiskCheck {
    pub fn new(clock: Clock) -> DiskCheck {
        DiskCheck { clock, looked_at: None, shortage: None }
    }

    /// Why nothing new can be taken, if so.
    pub fn shortage(&mut self, database: &DatabaseHandle) -> Option<&str> {
        let now = self.clock.uptime();
        if self.looked_at.is_none_or(|at| now.saturating_sub(at) >= DISK_CHECK_INTERVAL) {
            self.looked_at = Some(now);
            self.shortage = database
                .free_bytes()
                .filter(|free| *free < MIN_FREE_BYTES)
                .map(|free| format!("the disk is nearly full: {} KiB are free", free / 1024));
        }
        self.shortage.as_deref()
    }
}
