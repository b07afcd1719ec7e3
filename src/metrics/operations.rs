//! The service's operations: how often they end how, and how long they take.

use std::time::Duration;

use prometheus_client::registry::{Registry, Unit};

use crate::error::ErrorKind;

use super::families::{Counter, Counters, Histogram, Histograms, counters, seconds};

/// The outcome of an operation or a login without an error.
pub(super) const OK: &str = "ok";

#[derive(Debug)]
pub(super) struct Operations {
    ended: Counters,
    seconds: Histograms,
}

/// The metrics of one operation.
#[derive(Clone, Debug)]
pub struct Operation {
    ok: Counter,
    /// One for each [`ErrorKind`], in the order of [`ErrorKind::ALL`].
    errors: Vec<Counter>,
    seconds: Histogram,
}

impl Operations {
    pub fn register(registry: &mut Registry) -> Operations {
        let ended = counters(registry, "operations", "Finished operations, by outcome");
        let family = Histograms::new_with_constructor(seconds);
        let help = "Duration of an operation";
        registry.register_with_unit("operation_duration", help, Unit::Seconds, family.clone());
        Operations { ended, seconds: family }
    }

    pub fn operation(&self, name: &'static str) -> Operation {
        let ended = |outcome: &str| {
            let labels = vec![("operation", name.to_owned()), ("outcome", outcome.to_owned())];
            self.ended.get_or_create_owned(&labels)
        };
        Operation {
            ok: ended(OK),
            errors: ErrorKind::ALL.iter().map(|kind| ended(kind.as_str())).collect(),
            seconds: self.seconds.get_or_create_owned(&vec![("operation", name.to_owned())]),
        }
    }
}

impl Operation {
    /// Counts an operation that has ended, with an error or without.
    pub fn record(&self, error: Option<ErrorKind>, elapsed: Duration) {
        let counter = error.map_or(&self.ok, |kind| &self.errors[kind as usize]);
        counter.inc();
        self.seconds.observe(elapsed.as_secs_f64());
    }
}
