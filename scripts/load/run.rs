//! One run of a load: what its threads share, and when each of them has to send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::load::{End, Load};
use crate::plan::Plan;

/// What the threads share.
pub struct Run<'l> {
    pub load: &'l Load,
    pub plan: &'l Plan,
    pub started: Instant,
    /// Requests that were taken by [`Run::take_request`], where their number ends the run.
    sent: AtomicU64,
    responses: AtomicU64,
}

impl<'l> Run<'l> {
    pub fn new(load: &'l Load, plan: &'l Plan) -> Run<'l> {
        Run {
            load,
            plan,
            started: Instant::now(),
            sent: AtomicU64::new(0),
            responses: AtomicU64::new(0),
        }
    }

    /// The end of the warm-up.
    pub fn measured_from(&self) -> Instant {
        self.started + self.load.warmup
    }

    /// When the sending ends; none where a number of requests ends it.
    pub fn deadline(&self) -> Option<Instant> {
        match self.load.end {
            End::After(time) => Some(self.measured_from() + time),
            End::Count(_) => None,
        }
    }

    /// Takes one of the requests that are to be sent. False where all are taken; where it is
    /// true, the caller must send one, as long as the plan has any.
    pub fn take_request(&self) -> bool {
        match self.load.end {
            End::After(_) => true,
            End::Count(count) => self.sent.fetch_add(1, Ordering::Relaxed) < count,
        }
    }

    /// How much of the run is over, 0 to 1.
    pub fn part(&self) -> f64 {
        match self.load.end {
            End::After(time) => {
                self.started.elapsed().as_secs_f64() / (self.load.warmup + time).as_secs_f64()
            }
            End::Count(count) => self.responses() as f64 / count.max(1) as f64,
        }
    }

    pub fn count_response(&self) {
        self.responses.fetch_add(1, Ordering::Relaxed);
    }

    pub fn responses(&self) -> u64 {
        self.responses.load(Ordering::Relaxed)
    }
}

/// When a thread's requests are due.
pub struct Schedule {
    pub next: Instant,
    pub interval: Duration,
}

impl Schedule {
    /// The threads take turns, so that all together send `per_second` requests evenly.
    pub fn of_thread(index: usize, run: &Run<'_>, per_second: f64) -> Schedule {
        let threads = run.load.threads as f64;
        let interval = Duration::from_secs_f64(threads / per_second);
        let next = run.started + interval.mul_f64(index as f64 / threads);
        Schedule { next, interval }
    }
}
