//! Every metric family, declared once. Names and labels are here; whoever counts
//! holds a handle that was resolved when it started, never a lookup per event.

mod http;

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter as RawCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as RawGauge;
use prometheus_client::metrics::histogram::{Histogram as RawHistogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::Outcome;

pub use http::{CloseReason, Connections, Http};

pub type Counter = RawCounter;
pub type Gauge = RawGauge;
pub type Histogram = RawHistogram;

/// One label a family is split by; a family with several is split by a list of them.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// The format that [`Metrics::render`] writes, the only one that the library knows.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of the service's metrics. Made once; shared behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub http: Http,
    pub connections: Connections,
    pub store: Store,
    pub business: Business,
    pub mail: Mail,
    pub gauges: Gauges,
    operations: Counters,
    operation_seconds: Histograms,
    rate_limited: Counters,
}

impl Metrics {
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("orderd_build", "What is running", build);
        Metrics {
            http: Http::register(&mut registry),
            connections: Connections::register(&mut registry),
            store: Store::register(&mut registry),
            business: Business::register(&mut registry),
            mail: Mail::register(&mut registry),
            gauges: Gauges::register(&mut registry),
            operations: registered(&mut registry, "operations", "Operations ended"),
            operation_seconds: {
                let family = Histograms::new_with_constructor(seconds);
                let help = "Time that an operation took";
                registry.register_with_unit(
                    "operation_duration",
                    help,
                    Unit::Seconds,
                    family.clone(),
                );
                family
            },
            rate_limited: registered(&mut registry, "rate_limited_requests", "Answered with 429"),
            registry,
        }
    }

    /// The meter of one operation, resolved.
    pub fn operation(&self, name: &'static str) -> Operation {
        let by_outcome = OUTCOMES.map(|outcome| {
            let labels = vec![("operation", name.to_owned()), ("outcome", outcome.to_owned())];
            (outcome, self.operations.get_or_create_owned(&labels))
        });
        let seconds =
            self.operation_seconds.get_or_create_owned(&vec![("operation", name.to_owned())]);
        Operation { by_outcome, seconds }
    }

    /// Requests refused by that limit.
    pub fn rate_limited(&self, limit: &str) -> Counter {
        self.rate_limited.get_or_create_owned(&vec![("limit", limit.to_owned())])
    }

    /// The exposition, as [`CONTENT_TYPE`] says.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing into a `String` can't fail; a collector that does leaves its part out.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

/// How operations end: `ok`, or the kind of their error.
const OUTCOMES: [&str; 10] = [
    "ok",
    "invalid",
    "refused",
    "unauthenticated",
    "forbidden",
    "not_found",
    "conflict",
    "rate_limited",
    "unavailable",
    "internal",
];

/// How often an operation ended how, and how long it took.
#[derive(Clone, Debug)]
pub struct Operation {
    by_outcome: [(&'static str, Counter); OUTCOMES.len()],
    seconds: Histogram,
}

impl Operation {
    pub fn record(&self, outcome: &str, elapsed: Duration) {
        if let Some((_, counter)) = self.by_outcome.iter().find(|(name, _)| *name == outcome) {
            counter.inc();
        }
        self.seconds.observe(elapsed.as_secs_f64());
    }
}

/// What the shop sees.
#[derive(Clone, Debug)]
pub struct Business {
    orders_successful: Counter,
    orders_failed: Counter,
    logins: Counters,
}

impl Business {
    fn register(registry: &mut Registry) -> Business {
        let orders = registered(registry, "orders", "Orders placed");
        let of = |outcome: Outcome| {
            orders.get_or_create_owned(&vec![("outcome", outcome.as_str().to_owned())])
        };
        Business {
            orders_successful: of(Outcome::Successful),
            orders_failed: of(Outcome::Failed),
            logins: registered(registry, "logins", "Logins tried"),
        }
    }

    pub fn count_order(&self, outcome: Outcome) {
        match outcome {
            Outcome::Successful => self.orders_successful.inc(),
            Outcome::Failed => self.orders_failed.inc(),
        };
    }

    /// A login takes a quarter of a second: a look-up of its label costs nothing.
    pub fn count_login(&self, outcome: &'static str) {
        self.logins.get_or_create_owned(&vec![("outcome", outcome.to_owned())]).inc();
    }
}

/// What became of mails.
#[derive(Clone, Debug)]
pub struct Mail {
    pub sent: Counter,
    pub deferred: Counter,
    pub died: Counter,
}

impl Mail {
    fn register(registry: &mut Registry) -> Mail {
        let attempts = registered(registry, "mails", "Attempts to send a mail");
        let of =
            |outcome: &str| attempts.get_or_create_owned(&vec![("outcome", outcome.to_owned())]);
        Mail { sent: of("sent"), deferred: of("deferred"), died: of("died") }
    }
}

/// What is read off the store and the process when someone looks.
#[derive(Clone, Debug)]
pub struct Gauges {
    pub users: Gauge,
    pub orders: Gauge,
    pub outbox_pending: Gauge,
    pub outbox_dead: Gauge,
    pub outbox_oldest_seconds: Gauge,
    pub hashes_waiting: Gauge,
    pub log_lines_dropped: Gauge,
    pub resident_bytes: Gauge,
    pub open_fds: Gauge,
    pub max_fds: Gauge,
    pub start_seconds: Gauge,
    pub last_backup_seconds: Gauge,
}

impl Gauges {
    fn register(registry: &mut Registry) -> Gauges {
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Gauges {
            users: gauge("users", "Users stored"),
            orders: gauge("orders_stored", "Orders stored"),
            outbox_pending: gauge("outbox_pending", "Mails that wait to be sent"),
            outbox_dead: gauge("outbox_dead", "Mails given up"),
            outbox_oldest_seconds: gauge(
                "outbox_oldest_age_seconds",
                "Age of the oldest mail that waits",
            ),
            hashes_waiting: gauge("password_hash_queue_depth", "Password checks that wait"),
            log_lines_dropped: gauge("log_lines_dropped", "Log lines lost since the start"),
            resident_bytes: gauge("process_resident_memory_bytes", "Resident memory"),
            open_fds: gauge("process_open_fds", "Open file descriptors"),
            max_fds: gauge("process_max_fds", "Most file descriptors that may be open"),
            last_backup_seconds: gauge(
                "last_verified_backup_timestamp_seconds",
                "When the last backup that was checked, and kept or sent whole, was made, in Unix time",
            ),
            start_seconds: gauge("process_start_time_seconds", "Start, in Unix time"),
        }
    }
}

/// The committer's work.
#[derive(Clone, Debug)]
pub struct Store {
    pub commit_seconds: Histogram,
    /// Writes that shared a commit.
    pub batch_size: Histogram,
    pub queue_depth: Gauge,
    pub failed_commits: Counter,
}

impl Store {
    fn register(registry: &mut Registry) -> Store {
        let store = Store {
            commit_seconds: seconds(),
            batch_size: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            queue_depth: Gauge::default(),
            failed_commits: Counter::default(),
        };
        registry.register_with_unit(
            "store_commit",
            "Time that a commit took, its sync included",
            Unit::Seconds,
            store.commit_seconds.clone(),
        );
        registry.register("store_batch_size", "Writes in one commit", store.batch_size.clone());
        registry.register("store_queue_depth", "Writes that wait", store.queue_depth.clone());
        registry.register(
            "store_failed_commits",
            "Commits that failed",
            store.failed_commits.clone(),
        );
        store
    }
}

fn registered(registry: &mut Registry, name: &str, help: &str) -> Counters {
    let family = Counters::default();
    registry.register(name, help, family.clone());
    family
}

/// 50 µs to about 13 s, by factors of two.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(50e-6, 2.0, 18))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_under_its_route() {
        let metrics = Metrics::new();
        metrics.http.requests("GET", "/orders/{order_id}", 200).inc();
        let text = metrics.render();
        let line =
            r#"http_requests_total{method="GET",endpoint="/orders/{order_id}",status="200"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
