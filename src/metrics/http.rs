//! What happens on the HTTP side.

use prometheus_client::registry::{Registry, Unit};

use super::{Counter, Counters, Gauge, Histogram, Histograms, seconds};

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

impl Http {
    pub(super) fn register(registry: &mut Registry) -> Http {
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
    pub(super) fn register(registry: &mut Registry) -> Connections {
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
