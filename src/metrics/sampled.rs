//! Values that are not counted where they change, but read when somebody asks for the metrics.

use std::time::Duration;

use prometheus_client::registry::{Registry, Unit};

use super::families::{Counter, Gauge, SecondsCounter};

/// Set when the metrics are rendered, or once.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub users: Gauge,
    pub orders: Gauge,
    pub outbox_pending: Gauge,
    pub outbox_dead: Gauge,
    pub outbox_oldest_seconds: Gauge,
    pub hashes_waiting: Gauge,
    pub events_last_id: Gauge,
    pub event_waiters: Gauge,
    pub last_backup_seconds: Gauge,
    pub store_bytes: Gauge,
    pub disk_free_bytes: Gauge,
    pub uptime_seconds: Gauge,
    pub process: Process,
    log_lines_dropped: Counter,
}

/// What every process has, under the names that are usual for it.
#[derive(Clone, Debug)]
pub struct Process {
    pub resident_bytes: Gauge,
    pub open_fds: Gauge,
    pub max_fds: Gauge,
    pub start_seconds: Gauge,
    cpu_seconds: SecondsCounter,
}

impl Sampled {
    pub(super) fn register(registry: &mut Registry, process: Process) -> Sampled {
        let log_lines_dropped = Counter::default();
        let help = "Log lines dropped since the start";
        registry.register("log_lines_dropped", help, log_lines_dropped.clone());
        let mut gauge = |name, help| gauge(registry, name, help);
        Sampled {
            users: gauge("users", "Users in the store"),
            orders: gauge("orders_stored", "Orders in the store"),
            outbox_pending: gauge("outbox_pending", "Mails waiting to be sent"),
            outbox_dead: gauge("outbox_dead", "Mails that are not tried any more"),
            outbox_oldest_seconds: gauge(
                "outbox_oldest_age_seconds",
                "Age of the oldest waiting mail, in seconds",
            ),
            hashes_waiting: gauge(
                "password_hash_queue_depth",
                "Password hashes waiting to be computed",
            ),
            events_last_id: gauge("events_last_id", "Id of the last event"),
            event_waiters: gauge("event_waiters", "Requests that wait for an event"),
            last_backup_seconds: gauge(
                "last_verified_backup_timestamp_seconds",
                "Time of the last backup that was verified, and kept or sent whole, in Unix seconds",
            ),
            store_bytes: gauge("store_size_bytes", "Size of the database's file, in bytes"),
            disk_free_bytes: gauge(
                "disk_free_bytes",
                "Free space on the disk that holds the database, in bytes",
            ),
            uptime_seconds: gauge("uptime_seconds", "Time since the start, in seconds"),
            process,
            log_lines_dropped,
        }
    }

    /// `since_start` never falls. Two threads must not set it at once.
    pub fn set_log_lines_dropped(&self, since_start: u64) {
        self.log_lines_dropped.inc_by(since_start.saturating_sub(self.log_lines_dropped.get()));
    }
}

impl Process {
    pub(super) fn register(registry: &mut Registry) -> Process {
        let cpu_seconds = SecondsCounter::default();
        let help = "User and system CPU time";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, cpu_seconds.clone());
        let mut gauge = |name, help| gauge(registry, name, help);
        Process {
            resident_bytes: gauge("process_resident_memory_bytes", "Resident memory, in bytes"),
            open_fds: gauge("process_open_fds", "Open file descriptors"),
            max_fds: gauge("process_max_fds", "Maximum number of open file descriptors"),
            start_seconds: gauge(
                "process_start_time_seconds",
                "Start time of the process, in Unix seconds",
            ),
            cpu_seconds,
        }
    }

    /// `since_start` never falls. Two threads must not set it at once.
    pub fn set_cpu_time(&self, since_start: Duration) {
        let more = since_start.as_secs_f64() - self.cpu_seconds.get();
        self.cpu_seconds.inc_by(more.max(0.0));
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}
