//! Who waits for events, and how many may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::sys::stop::Stop;

/// Most requests that wait for an event at once.
const MAX_WAITERS: usize = 256;

/// How many wait for an event, and what ends their wait.
#[derive(Clone, Default)]
pub struct Waiters {
    count: Arc<AtomicUsize>,
    stop: Stop,
}

/// The right to wait. Dropped, it is free for another.
pub struct WaitPermit(Arc<AtomicUsize>);

impl Waiters {
    /// Ends all waits, now and later. Whoever says so wakes the transport.
    pub fn stop(&self) {
        self.stop.set();
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub fn stop_signal(&self) -> Stop {
        self.stop.clone()
    }

    /// # Errors
    /// [`Error::Unavailable`] where as many wait as may.
    pub fn permit(&self) -> Result<WaitPermit> {
        let more = |count| (count < MAX_WAITERS).then_some(count + 1);
        let taken = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map_err(|_| Error::busy("too many wait for events"))?;
        Ok(WaitPermit(Arc::clone(&self.count)))
    }
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
