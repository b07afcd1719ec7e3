//! Wakes a thread that waits for work.

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
