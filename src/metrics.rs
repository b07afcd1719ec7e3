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
    /// Those of them that wait for their client and hold no thread.
    pub parked: Gauge,
    pub accepted: Counter,
    pub threads_busy: Gauge,
    pub airlocks_rebuilt: Counter,
    pub panics: Counter,
    closed: [Counter; CloseReason::ALL.len()],
    refused: Counters,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed it.
    Client,
    /// It was answered, and the answer said that it would close.
    Answered,
    /// No request came for too long.
    Idle,
    /// The client was too slow in taking its answer.
    SlowReader,
    /// It gave way to a newcomer.
    Evicted,
    /// The service stops.
    Shutdown,
    /// The network, or an answer that could not be finished.
    Error,
}

impl CloseReason {
    const ALL: [CloseReason; 7] = [
        CloseReason::Client,
        CloseReason::Answered,
        CloseReason::Idle,
        CloseReason::SlowReader,
        CloseReason::Evicted,
        CloseReason::Shutdown,
        CloseReason::Error,
    ];

    fn label(self) -> &'static str {
        match self {
            CloseReason::Client => "client",
            CloseReason::Answered => "answered",
            CloseReason::Idle => "idle",
            CloseReason::SlowReader => "slow_reader",
            CloseReason::Evicted => "evicted",
            CloseReason::Shutdown => "shutdown",
            CloseReason::Error => "error",
        }
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("orderd_build", "What is running", build);
        Metrics {
            http: Http::register(&mut registry),
            connections: Connections::register(&mut registry),
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
        let closed = Counters::default();
        let connections = Connections {
            open: Gauge::default(),
            parked: Gauge::default(),
            accepted: Counter::default(),
            threads_busy: Gauge::default(),
            airlocks_rebuilt: Counter::default(),
            panics: Counter::default(),
            closed: CloseReason::ALL.map(|reason| {
                closed.get_or_create_owned(&vec![("reason", reason.label().to_owned())])
            }),
            refused: Counters::default(),
        };
        let c = &connections;
        let gauges = [
            ("http_connections_open", "Client connections", &c.open),
            ("http_connections_parked", "Client connections that hold no thread", &c.parked),
            ("http_threads_busy", "Serving threads at work", &c.threads_busy),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            ("http_connections_accepted", "Client connections accepted", &c.accepted),
            ("http_airlocks_rebuilt", "Ways into the HTTP library replaced", &c.airlocks_rebuilt),
            ("http_panics", "Panics caught while serving", &c.panics),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("http_connections_closed", "Client connections ended", closed);
        let help = "Requests and connections refused ahead of the routes";
        registry.register("http_refusals", help, c.refused.clone());
        connections
    }

    pub fn closed(&self, reason: CloseReason) -> &Counter {
        &self.closed[reason as usize]
    }

    /// Refusals of one kind. Resolved once, when the server starts.
    pub fn refused(&self, reason: &str, status: u16) -> Counter {
        let labels = vec![("reason", reason.to_owned()), ("status", status.to_string())];
        self.refused.get_or_create_owned(&labels)
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
