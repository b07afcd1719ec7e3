//! How a thread is told to end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A flag that is set once and never cleared. Clones share it: whoever stops a thread keeps
/// one, and the thread looks at the other, or waits on it between two rounds of its work.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub fn new() -> Stop {
        Stop::default()
    }

    /// Ends every wait, now and later.
    pub fn set(&self) {
        *self.0.is_set.lock() = true;
        self.0.changed.notify_all();
    }

    pub fn is_set(&self) -> bool {
        *self.0.is_set.lock()
    }

    /// Waits for at most `limit`; true as soon as the flag is set.
    pub fn wait(&self, limit: Duration) -> bool {
        let mut is_set = self.0.is_set.lock();
        self.0.changed.wait_while_for(&mut is_set, |is_set| !*is_set, limit);
        *is_set
    }
}
