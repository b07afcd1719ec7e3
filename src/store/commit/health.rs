//! Whether the store can take a write, as far as it knows.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::store::database::DatabaseHandle;

/// With less free disk than this, in bytes, no write that makes new rows is taken, so that room
/// is left to mark, to remove and to close.
const MIN_FREE_BYTES: u64 = 32 * 1024 * 1024;
const DISK_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Two kinds of trouble, which end separately: a disk shortage when there is room again, a
/// failed commit only when another commit works.
#[derive(Default)]
pub(in crate::store) struct Health(Mutex<Known>);

#[derive(Default)]
struct Known {
    disk_shortage: Option<String>,
    failed_commit: Option<String>,
    last_commit: Option<Instant>,
}

impl Health {
    /// Why the store can't take a write, if it can't. A failed commit comes first.
    pub fn trouble(&self) -> Option<String> {
        let known = self.0.lock();
        known.failed_commit.as_ref().or(known.disk_shortage.as_ref()).cloned()
    }

    pub fn disk_shortage(&self) -> Option<String> {
        self.0.lock().disk_shortage.clone()
    }

    /// Whether a commit that wrote something has worked in the last `time`.
    pub fn committed_within(&self, time: Duration) -> bool {
        self.0.lock().last_commit.is_some_and(|at| at.elapsed() < time)
    }

    pub fn has_failed_commit(&self) -> bool {
        self.0.lock().failed_commit.is_some()
    }

    pub fn record_commit(&self) {
        self.0.lock().last_commit = Some(Instant::now());
    }

    pub fn record_failed_commit(&self, why: &str) {
        self.0.lock().failed_commit = Some(format!("the last commit failed: {why}"));
    }

    /// Commits work again. Returns whether one had failed.
    pub fn end_failed_commit(&self) -> bool {
        self.0.lock().failed_commit.take().is_some()
    }

    pub fn record_disk_shortage(&self, shortage: Option<&str>) {
        self.0.lock().disk_shortage = shortage.map(str::to_owned);
    }
}

/// Looks at the free disk, at most once in each [`DISK_CHECK_INTERVAL`].
pub(super) struct DiskCheck {
    clock: Clock,
    checked_at: Option<Duration>,
    shortage: Option<String>,
}

impl DiskCheck {
    pub fn new(clock: Clock) -> DiskCheck {
        DiskCheck { clock, checked_at: None, shortage: None }
    }

    /// Why nothing new can be taken, if so.
    pub fn shortage(&mut self, database: &DatabaseHandle) -> Option<&str> {
        let now = self.clock.uptime();
        if self.checked_at.is_none_or(|at| now.saturating_sub(at) >= DISK_CHECK_INTERVAL) {
            self.checked_at = Some(now);
            self.shortage = database
                .free_bytes()
                .filter(|free| *free < MIN_FREE_BYTES)
                .map(|free| format!("the disk is nearly full: {} KiB are free", free / 1024));
        }
        self.shortage.as_deref()
    }
}
