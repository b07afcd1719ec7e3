//! The health of the service, and its gauges.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::logging;
use crate::metrics::{Gauge, Gauges};
use crate::sys::process;

use super::state::Service;

/// The content of `GET /health`.
#[derive(Debug)]
pub struct Health {
    pub at: Timestamp,
    pub environment: &'static str,
    /// Why the store can't take writes, if it can't.
    pub trouble: Option<String>,
    /// What needs an operator, though orders are taken all the same.
    pub warning: Option<&'static str>,
}

impl Service {
    pub fn health(&self) -> Health {
        Health {
            at: self.clock.now(),
            environment: self.environment,
            trouble: self.store.trouble(),
            warning: self.mail_warning.get(),
        }
    }

    /// Updates the gauges that are read from the store and the process at each scrape.
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

/// Where the system doesn't know a value, its gauge stays at zero.
fn refresh_process(gauges: &Gauges) {
    let set = |gauge: &Gauge, value: Option<u64>| {
        value.map(|value| gauge.set(i64::try_from(value).unwrap_or(i64::MAX)))
    };
    set(&gauges.resident_bytes, process::resident_bytes());
    set(&gauges.open_fds, process::open_fds());
    set(&gauges.max_fds, process::max_fds());
    set(&gauges.log_lines_dropped, Some(logging::dropped_lines()));
}
