//! What is counted in a run: latencies, responses, faults.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::latency::{histogram, nanos};
use crate::timeline::Timeline;

/// So many faults are kept as text; all are counted.
const KEPT_FAULTS: usize = 5;

/// Whether everything that came back was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
}

pub struct Tally {
    /// In nanoseconds, one for each exchange of the plan.
    pub latencies: Vec<Histogram<u64>>,
    pub timeline: Timeline,
    /// Answered by 503 with `Retry-After`: nothing was done, and the server said so.
    pub rejected: u64,
    pub faults: Faults,
    /// From the end of the warm-up to the last response.
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
            rejected: 0,
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
        self.rejected += other.rejected;
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

    pub fn responses(&self) -> u64 {
        self.latencies.iter().map(Histogram::len).sum()
    }

    pub fn per_second(&self) -> f64 {
        self.responses() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// A run without any response is wrong too.
    pub fn verdict(&self) -> Verdict {
        if self.faults.count > 0 || self.responses() == 0 { Verdict::Wrong } else { Verdict::Right }
    }
}
