//! How the service is.

use super::Service;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::logging;
use crate::metrics::{Gauge, Gauges};
use crate::sys::process;

/// What `GET /health` tells.
#[derive(Debug)]
pub struct Health {
    pub at: Timestamp,
    pub environment: &'static str,
    /// Why the store can't take a write; none when it can.
    pub trouble: Option<String>,
}

impl Service {
    pub fn health(&self) -> Health {
        Health {
            at: self.clock.now(),
            environment: self.environment,
            trouble: self.store.trouble(),
        }
    }

    /// Brings the gauges up to date that are read off the store and the process when
    /// someone looks.
    pub fn refresh_gauges(&self, gauges: &Gauges) -> Result<()> {
        refresh_process(gauges);
        let counts = self.store.read()?.counts()?;
        gauges.users.set(counts.users as i64);
        gauges.orders.set(counts.orders as i64);
        gauges.outbox_pending.set(counts.mails_pending as i64);
        gauges.outbox_dead.set(counts.mails_dead as i64);
        let now = self.clock.now();
        let age = counts.oldest_pending.map_or(0, |at| now.since(at).as_secs());
        gauges.outbox_oldest_seconds.set(age as i64);
        gauges.hashes_waiting.set(self.hasher.waiting() as i64);
        Ok(())
    }
}

/// What the system doesn't tell stays at zero.
fn refresh_process(gauges: &Gauges) {
    let set = |gauge: &Gauge, value: Option<u64>| {
        value.map(|value| gauge.set(i64::try_from(value).unwrap_or(i64::MAX)))
    };
    set(&gauges.resident_bytes, process::resident_bytes());
    set(&gauges.open_fds, process::open_fds());
    set(&gauges.max_fds, process::max_fds());
    set(&gauges.log_lines_dropped, Some(logging::dropped_lines()));
}
