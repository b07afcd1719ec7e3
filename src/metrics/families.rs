//! The kinds of metrics, and how families of them are made.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter as RawCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as RawGauge;
use prometheus_client::metrics::histogram::{Histogram as RawHistogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub type Counter = RawCounter;
/// A counter of seconds, with their fractions.
pub(super) type SecondsCounter = RawCounter<f64, AtomicU64>;
pub type Gauge = RawGauge;
pub type Histogram = RawHistogram;

/// The labels of one series: names and values.
pub(super) type Labels = Vec<(&'static str, String)>;
pub(super) type Counters = Family<Labels, Counter>;
pub(super) type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

pub(super) fn counters(registry: &mut Registry, name: &str, help: &str) -> Counters {
    let family = Counters::default();
    registry.register(name, help, family.clone());
    family
}

/// Buckets from 50 µs to about 6.5 s, by factors of two.
pub(super) fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(50e-6, 2.0, 18))
}
