//! Latencies: in nanoseconds, in histograms of bounded size.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A longer latency counts as this.
const MAX_LATENCY: Duration = Duration::from_secs(120);

/// An empty histogram that keeps so many significant digits.
pub fn histogram(digits: u8) -> Histogram<u64> {
    let bounds = Histogram::new_with_bounds(1, nanos(MAX_LATENCY), digits);
    bounds.expect("the bounds are constants that the library takes")
}

pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A quantile in milliseconds.
pub fn millis(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1e6
}
