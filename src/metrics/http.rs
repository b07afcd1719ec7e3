//! Requests and connections.

use prometheus_client::registry::{Registry, Unit};

use super::families::{Counter, Counters, Gauge, Histogram, Histograms, seconds};

/// Requests that reached a route.
#[derive(Debug)]
pub struct Http {
    requests: Counters,
    durations: Histograms,
}

/// Connections, the threads that serve them, and what is rejected before routing.
#[derive(Debug)]
pub struct Connections {
    pub open: Gauge,
    /// Open connections that wait for their client and hold no thread.
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
    /// The response said that the connection would be closed.
    Answered,
    /// No request came for too long.
    Idle,
    /// The client read its response too slowly.
    SlowReader,
    /// It was closed to make room for another client.
    Evicted,
    /// The service stops.
    Shutdown,
    /// The network failed, or a response could not be finished.
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
        registry.register(
            "http_requests",
            "Requests by method, endpoint and status",
            http.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the whole request read to its response made",
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
            ("http_connections_open", "Open client connections", &c.open),
            ("http_connections_parked", "Open client connections that hold no thread", &c.parked),
            ("http_threads_busy", "Busy serving threads", &c.threads_busy),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            ("http_connections_accepted", "Accepted client connections", &c.accepted),
            ("http_airlocks_rebuilt", "Airlocks replaced after an error", &c.airlocks_rebuilt),
            ("http_panics", "Panics caught while serving", &c.panics),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "http_connections_closed",
            "Closed client connections, by reason",
            closed,
        );
        let help = "Requests and connections rejected before routing";
        registry.register("http_refusals", help, c.refused.clone());
        connections
    }

    pub fn closed(&self, reason: CloseReason) -> &Counter {
        &self.closed[reason as usize]
    }

    /// Rejections with one reason and status. Looked up once, when the server starts.
    pub fn refused(&self, reason: &str, status: u16) -> Counter {
        let labels = vec![("reason", reason.to_owned()), ("status", status.to_string())];
        self.refused.get_or_create_owned(&labels)
    }
}
