//! Wakes threads that wait for work.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Remembers one notification, so that one that comes before the wait is not lost.
#[derive(Debug, Default)]
pub struct Wakeup {
    notified: Mutex<bool>,
    changed: Condvar,
}

impl Wakeup {
    pub fn notify(&self) {
        *self.notified.lock() = true;
        self.changed.notify_all();
    }

    /// Waits for a notification, at most for `limit`. Returns at once where one has come since
    /// the last wait.
    pub fn wait(&self, limit: Duration) {
        let mut notified = self.notified.lock();
        self.changed.wait_while_for(&mut notified, |notified| !*notified, limit);
        *notified = false;
    }
}

/// Wakes any number of threads. Each remembers how often it has rung, so that a ring before the
/// wait is not lost.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    pub fn ring(&self) {
        *self.rung.lock() += 1;
        self.changed.notify_all();
    }

    /// How often it has rung.
    pub fn count(&self) -> u64 {
        *self.rung.lock()
    }

    /// Waits until it has rung since it had rung `seen` times, at most for `limit`.
    pub fn wait(&self, seen: u64, limit: Duration) {
        let mut rung = self.rung.lock();
        self.changed.wait_while_for(&mut rung, |rung| *rung == seen, limit);
    }
}
