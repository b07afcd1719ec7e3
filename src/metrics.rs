//! Every metric family, declared once. Names and labels are here; whoever counts
//! holds a handle that was resolved when it started, never a lookup per event.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter as RawCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as RawGauge;
use prometheus_client::metrics::histogram::{Histogram as RawHistogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

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
}

/// What the routes answer.
#[derive(Debug)]
pub struct Http {
    requests: Counters,
    durations: Histograms,
}

/// What happens to connections before and around the routes.
#[derive(Debug)]
pub struct Connections {
    pub open: Gauge,
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
            registry,
        }
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

impl Http {
    fn register(registry: &mut Registry) -> Http {
        let http = Http {
            requests: Counters::default(),
            durations: Histograms::new_with_constructor(seconds),
        };
        registry.register("http_requests", "Requests answered", http.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From the whole request read to its answer made",
            Unit::Seconds,
            http.durations.clone(),
        );
        http
    }

    /// `endpoint` is a route's template, never a path that a client chose.
    pub fn requests(&self, method: &str, endpoint: &str, status: u16) -> Counter {
        self.requests.get_or_create_owned(&vec![
            ("method", method.to_owned()),
            ("endpoint", endpoint.to_owned()),
            ("status", status.to_string()),
        ])
    }

    pub fn duration(&self, method: &str, endpoint: &str) -> Histogram {
        self.durations.get_or_create_owned(&vec![
            ("method", method.to_owned()),
            ("endpoint", endpoint.to_owned()),
        ])
    }
}

impl Connections {
    fn register(registry: &mut Registry) -> Connections {
        let connections = Connections { open: Gauge::default() };
        registry.register("http_connections_open", "Client connections", connections.open.clone());
        connections
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
