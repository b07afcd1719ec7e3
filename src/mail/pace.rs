//! A cap on mails a second: sending must not slow orders down.

use std::time::{Duration, Instant};

use crate::sys::stop::Stop;

/// Spreads sends evenly over time; what was not used is not saved up.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// At most `max_per_second` sends; 0 = no cap.
    pub fn new(max_per_second: u32) -> Pace {
        let gap = Duration::from_secs(1).checked_div(max_per_second);
        Pace { gap: gap.unwrap_or_default(), next: None }
    }

    pub fn uncapped() -> Pace {
        Pace::new(0)
    }

    /// Waits until the next send is allowed; false when a stop came first.
    pub fn wait(&mut self, stop: &Stop) -> bool {
        let delay = self.reserve(Instant::now());
        !stop.wait(delay)
    }

    /// Reserves the next send, and returns how long after `now` it is.
    fn reserve(&mut self, now: Instant) -> Duration {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = at.checked_add(self.gap);
        at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_are_apart_by_their_share_of_a_second() {
        let mut pace = Pace::new(50);
        let start = Instant::now();
        let ms = Duration::from_millis;
        let delays = [0, 0, 30, 100, 101].map(|at| pace.reserve(start + ms(at)));
        assert_eq!(delays, [ms(0), ms(20), ms(10), ms(0), ms(19)]);
    }

    #[test]
    fn without_a_cap_there_is_no_wait() {
        let mut pace = Pace::uncapped();
        let now = Instant::now();
        assert_eq!([pace.reserve(now), pace.reserve(now)], [Duration::ZERO; 2]);
    }

    #[test]
    fn a_stop_ends_the_longest_wait() {
        let stop = Stop::new();
        let mut pace = Pace { gap: Duration::from_secs(3600), next: None };
        assert!(pace.wait(&stop));
        stop.set();
        assert!(!pace.wait(&stop));
    }
}
