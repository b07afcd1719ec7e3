//! What has been counted: latencies, answers, faults.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Verdict;
use crate::timeline::Timeline;

/// Texts of faults that are kept; all are counted.
const KEPT_FAULTS: usize = 5;
/// Latencies are kept up to this, to three digits.
const MAX_LATENCY: Duration = Duration::from_secs(120);

pub struct Tally {
    /// In nanoseconds, one for each exchange of the plan.
    pub latencies: Vec<Histogram<u64>>,
    pub timeline: Timeline,
    pub turned_away: u64,
    pub faults: Faults,
    /// From the first to the last moment that counts.
    pub elapsed: Duration,
    begun: Instant,
}

#[derive(Debug, Default)]
pub struct Faults {
    pub count: u64,
    pub first: Vec<String>,
}

impl Tally {
    /// Counts requests that were due at `begun` or later.
    pub fn new(exchanges: usize, begun: Instant) -> Tally {
        Tally {
            latencies: (0..exchanges).map(|_| histogram(3)).collect(),
            timeline: Timeline::default(),
            turned_away: 0,
            faults: Faults::default(),
            elapsed: Duration::ZERO,
            begun,
        }
    }

    pub fn record(&mut self, exchange: usize, due: Instant, now: Instant) {
        if due < self.begun {
            return;
        }
        let (at, latency) = (now.duration_since(self.begun), now.duration_since(due));
        self.latencies[exchange].saturating_record(nanos(latency));
        self.timeline.record(at, latency);
        self.elapsed = self.elapsed.max(at);
    }

    pub fn fault(&mut self, why: String) {
        self.faults.count += 1;
        if self.faults.first.len() < KEPT_FAULTS {
            self.faults.first.push(why);
        }
    }

    /// Adds what another thread has counted.
    pub fn absorb(&mut self, other: Tally) {
        for (mine, theirs) in self.latencies.iter_mut().zip(&other.latencies) {
            // Both have the same bounds.
            let _ = mine.add(theirs);
        }
        self.timeline.absorb(other.timeline);
        self.turned_away += other.turned_away;
        self.faults.count += other.faults.count;
        self.faults.first.extend(other.faults.first);
        self.faults.first.truncate(KEPT_FAULTS);
        self.elapsed = self.elapsed.max(other.elapsed);
    }

    /// All exchanges together.
    pub fn overall(&self) -> Histogram<u64> {
        let mut all = histogram(3);
        for latencies in &self.latencies {
            let _ = all.add(latencies);
        }
        all
    }

    pub fn answers(&self) -> u64 {
        self.latencies.iter().map(Histogram::len).sum()
    }

    pub fn per_second(&self) -> f64 {
        self.answers() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// A run that got no answers at all is wrong too.
    pub fn verdict(&self) -> Verdict {
        if self.faults.count > 0 || self.answers() == 0 { Verdict::Wrong } else { Verdict::Right }
    }
}

/// An empty histogram of nanoseconds with so many good digits.
pub fn histogram(digits: u8) -> Histogram<u64> {
    let bounds = Histogram::new_with_bounds(1, nanos(MAX_LATENCY), digits);
    bounds.expect("the bounds are constants that the library takes")
}

pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
