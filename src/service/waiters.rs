//! Who waits for events, and how many may.

use crate::error::{Error, Result};
use crate::sys::permits::{Permit, Permits};
use crate::sys::stop::Stop;

/// Most requests that wait for an event at once.
const MAX_WAITERS: usize = 256;

/// How many wait for an event, and what ends their wait.
#[derive(Clone)]
pub struct Waiters {
    permits: Permits,
    stop: Stop,
}

impl Default for Waiters {
    fn default() -> Waiters {
        Waiters { permits: Permits::new(MAX_WAITERS), stop: Stop::default() }
    }
}

impl Waiters {
    /// Ends all waits, now and later. Whoever says so wakes the transport.
    pub fn stop(&self) {
        self.stop.set();
    }

    pub fn count(&self) -> usize {
        self.permits.taken()
    }

    pub fn stop_signal(&self) -> Stop {
        self.stop.clone()
    }

    /// # Errors
    /// [`Error::Unavailable`] where as many wait as may.
    pub fn permit(&self) -> Result<Permit> {
        self.permits.take().ok_or_else(|| Error::busy("too many wait for events"))
    }
}
