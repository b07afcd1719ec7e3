//! Every metric family, declared once. Names and labels are in this room only; the others
//! hold handles that were looked up when the service started, so that counting is cheap.
//!
//! `http_` and `process_` name what every service has; the names of all else begin with
//! `orderd_`.

mod families;
mod http;
mod operations;
mod sampled;
mod text;
mod webhooks;

use prometheus_client::metrics::histogram::exponential_buckets;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::order::Status;
use crate::error::ErrorKind;

use families::{Counters, counters, seconds};
use operations::{OK, Operations};

pub use families::{Counter, Gauge, Histogram};
pub use http::{CloseReason, Connections, Http};
pub use operations::Operation;
pub use sampled::Sampled;
pub use text::{OPEN_METRICS, Rendering, TEXT};
pub use webhooks::Webhooks;

/// All of the service's metrics. Made once; shared behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub http: Http,
    pub connections: Connections,
    pub store: Store,
    pub business: Business,
    pub mail: Mail,
    pub webhooks: Webhooks,
    pub sampled: Sampled,
    operations: Operations,
    rate_limited: Counters,
}

impl Metrics {
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let (http, connections) =
            (Http::register(&mut registry), Connections::register(&mut registry));
        let process = sampled::Process::register(&mut registry);
        let ours = registry.sub_registry_with_prefix("orderd");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "Version of the running binary", build);
        Metrics {
            http,
            connections,
            store: Store::register(ours),
            business: Business::register(ours),
            mail: Mail::register(ours),
            webhooks: Webhooks::register(ours),
            sampled: Sampled::register(ours, process),
            operations: Operations::register(ours),
            rate_limited: counters(
                ours,
                "rate_limited_requests",
                "Requests rejected with 429 by a rate limit",
            ),
            registry,
        }
    }

    /// The metrics of one operation.
    pub fn operation(&self, name: &'static str) -> Operation {
        self.operations.operation(name)
    }

    /// Requests that the limit of that name has rejected.
    pub fn rate_limited(&self, limit: &str) -> Counter {
        self.rate_limited.get_or_create_owned(&vec![("limit", limit.to_owned())])
    }

    /// All metrics as they are now, as text.
    pub fn render(&self) -> Rendering {
        Rendering::of(&self.registry)
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

/// Orders and logins.
#[derive(Clone, Debug)]
pub struct Business {
    orders_successful: Counter,
    orders_failed: Counter,
    orders_with_content: Counter,
    logins: Counters,
}

impl Business {
    fn register(registry: &mut Registry) -> Business {
        let orders = counters(registry, "orders", "Orders placed");
        let of = |outcome: &str| orders.get_or_create_owned(&vec![("outcome", outcome.to_owned())]);
        Business {
            orders_successful: of("successful"),
            orders_failed: of("failed"),
            orders_with_content: of("pending"),
            logins: counters(registry, "logins", "Login attempts, by outcome"),
        }
    }

    /// By the status in which it was placed.
    pub fn count_order(&self, status: Status) {
        match status {
            Status::Completed => self.orders_successful.inc(),
            Status::Failed => self.orders_failed.inc(),
            _ => self.orders_with_content.inc(),
        };
    }

    /// Looks its counter up at each call: beside a login's password hash that costs nothing.
    pub fn count_login(&self, error: Option<ErrorKind>) {
        let outcome = error.map_or(OK, ErrorKind::as_str);
        self.logins.get_or_create_owned(&vec![("outcome", outcome.to_owned())]).inc();
    }
}

/// Attempts to send mails.
#[derive(Clone, Debug)]
pub struct Mail {
    pub sent: Counter,
    pub deferred: Counter,
    /// Deferred, by a 5xx that is not about the recipient.
    pub refused: Counter,
    pub died: Counter,
    /// 1 during a spell of those.
    pub refusing: Gauge,
}

impl Mail {
    fn register(registry: &mut Registry) -> Mail {
        let attempts = counters(registry, "mails", "Attempts to send a mail, by outcome");
        let of =
            |outcome: &str| attempts.get_or_create_owned(&vec![("outcome", outcome.to_owned())]);
        let (sent, deferred, died) = (of("sent"), of("deferred"), of("died"));
        let refusing = Gauge::default();
        let help = "1 while the mail server refuses our mail, else 0";
        registry.register("mail_refusing", help, refusing.clone());
        Mail { sent, deferred, refused: of("refused"), died, refusing }
    }
}

/// The committer's batches and commits.
#[derive(Clone, Debug)]
pub struct Store {
    pub commit_seconds: Histogram,
    /// Writes that shared a commit.
    pub batch_size: Histogram,
    pub queue_depth: Gauge,
    pub failed_commits: Counter,
    pub failed_backups: Counter,
}

impl Store {
    fn register(registry: &mut Registry) -> Store {
        let store = Store {
            commit_seconds: seconds(),
            batch_size: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            queue_depth: Gauge::default(),
            failed_commits: Counter::default(),
            failed_backups: Counter::default(),
        };
        registry.register_with_unit(
            "store_commit",
            "Duration of a commit, including its sync",
            Unit::Seconds,
            store.commit_seconds.clone(),
        );
        registry.register("store_batch_size", "Writes per commit", store.batch_size.clone());
        registry.register(
            "store_queue_depth",
            "Writes waiting for a commit",
            store.queue_depth.clone(),
        );
        registry.register(
            "store_failed_commits",
            "Commits that failed",
            store.failed_commits.clone(),
        );
        registry.register(
            "backups_failed",
            "Scheduled backups that failed",
            store.failed_backups.clone(),
        );
        store
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_is_counted_under_its_route() {
        let metrics = Metrics::new();
        metrics.http.requests("GET", "/orders/{order_id}", 200).inc();
        let text = metrics.render().open_metrics;
        let line =
            r#"http_requests_total{method="GET",endpoint="/orders/{order_id}",status="200"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn every_kind_of_error_is_counted_as_an_outcome_of_its_own() {
        let metrics = Metrics::new();
        let operation = metrics.operation("login");
        operation.record(None, Duration::ZERO);
        for kind in ErrorKind::ALL {
            operation.record(Some(*kind), Duration::ZERO);
            metrics.business.count_login(Some(*kind));
        }
        let text = metrics.render().open_metrics;
        for outcome in ErrorKind::ALL.iter().map(|kind| kind.as_str()).chain([OK]) {
            let line =
                format!("orderd_operations_total{{operation=\"login\",outcome=\"{outcome}\"}} 1\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        for kind in ErrorKind::ALL {
            let line = format!("orderd_logins_total{{outcome=\"{}\"}} 1\n", kind.as_str());
            assert!(text.contains(&line), "{line} in {text}");
        }
        let count = ErrorKind::ALL.len() + 1;
        let line =
            format!("orderd_operation_duration_seconds_count{{operation=\"login\"}} {count}\n");
        assert!(text.contains(&line), "{text}");
    }
}
