//! The health of the service, and what is sampled for its metrics.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::logging;
use crate::metrics::{Gauge, Metrics};
use crate::sys::files::folder_of;
use crate::sys::{disk, process};

use super::state::Service;

/// The content of `GET /health`.
#[derive(Debug)]
pub struct Health {
    pub at: Timestamp,
    pub environment: &'static str,
    /// Why the store can't take writes, if it can't.
    pub trouble: Option<String>,
    /// What needs an operator, though orders are taken all the same.
    pub warning: Option<String>,
}

impl Service {
    pub fn health(&self) -> Health {
        let warnings = [self.mail_warning.get(), self.webhook_warning.get()];
        let warnings: Vec<&str> = warnings.into_iter().flatten().collect();
        Health {
            at: self.clock.now(),
            environment: self.environment,
            trouble: self.store.trouble(),
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        }
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// Updates the metrics that are read from the store and the process. Only one thread at a
    /// time may call it. Its cost doesn't grow with what is stored, nor with what clients open.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn sample(&self, metrics: &Metrics) -> Result<()> {
        let sampled = &metrics.sampled;
        self.sample_process(metrics);
        set(&sampled.uptime_seconds, Some(self.uptime().as_secs()));
        set(&sampled.store_bytes, disk::file_bytes(&self.database_path));
        set(&sampled.disk_free_bytes, disk::free_bytes(folder_of(&self.database_path)));
        set(&sampled.hashes_waiting, Some(self.hasher.waiting() as u64));
        set(&sampled.events_last_id, Some(self.store.last_event_id().0));
        set(&sampled.event_waiters, Some(self.waiters.count() as u64));
        sampled.set_log_lines_dropped(logging::dropped_lines());
        let counts = self.store.read()?.counts()?;
        let oldest = counts.oldest_pending.map(|at| self.clock.now().since(at));
        set(&sampled.users, Some(counts.users));
        set(&sampled.orders, Some(counts.orders));
        set(&sampled.outbox_pending, Some(counts.mails_pending));
        set(&sampled.outbox_dead, Some(counts.mails_dead));
        set(&sampled.outbox_oldest_seconds, Some(oldest.unwrap_or_default().as_secs()));
        metrics.webhooks.set_backlogs(self.webhook_backlogs()?.into_iter());
        Ok(())
    }

    fn sample_process(&self, metrics: &Metrics) {
        let sampled = &metrics.sampled.process;
        let connections = u64::try_from(metrics.connections.open.get()).unwrap_or_default();
        set(&sampled.resident_bytes, process::resident_bytes());
        set(&sampled.open_fds, self.open_fds(connections));
        set(&sampled.max_fds, process::max_fds());
        sampled.set_cpu_time(process::cpu_time());
    }

    /// Where the system doesn't count descriptors, they are listed once; from then on those of
    /// the connections are added, which are nearly all that ever change.
    fn open_fds(&self, connections: u64) -> Option<u64> {
        process::open_fds().or_else(|| {
            let list = || Some(process::list_fds()?.saturating_sub(connections));
            self.other_fds.get_or_init(list).map(|others| others + connections)
        })
    }
}

/// Where the system doesn't know a value, its gauge stays at zero.
fn set(gauge: &Gauge, value: Option<u64>) {
    if let Some(value) = value {
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}
