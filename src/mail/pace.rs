//! Not faster than so many mails a second: sending must not slow orders down.

use std::time::{Duration, Instant};

use crate::sys::stop::Stop;

/// Spreads turns evenly over wall time; what was not used is not saved up.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// At most `max_per_second` turns; 0 = no cap.
    pub fn new(max_per_second: u32) -> Pace {
        let gap = Duration::from_secs(1).checked_div(max_per_second);
        Pace { gap: gap.unwrap_or_default(), next: None }
    }

    pub fn uncapped() -> Pace {
        Pace::new(0)
    }

    /// Waits for the next turn; false when a stop came first.
    pub fn wait(&mut self, stop: &Stop) -> bool {
        let until_turn = self.take_turn(Instant::now());
        !stop.wait(until_turn)
    }

    /// How far ahead of `now` the turn lies that is taken hereby.
    fn take_turn(&mut self, now: Instant) -> Duration {
        let turn = self.next.map_or(now, |next| next.max(now));
        self.next = turn.checked_add(self.gap);
        turn.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_apart_by_their_share_of_a_second() {
        let mut pace = Pace::new(50);
        let start = Instant::now();
        let ms = Duration::from_millis;
        let turns = [0, 0, 30, 100, 101].map(|at| pace.take_turn(start + ms(at)));
        assert_eq!(turns, [ms(0), ms(20), ms(10), ms(0), ms(19)]);
    }

    #[test]
    fn without_a_cap_there_is_no_wait() {
        let mut pace = Pace::uncapped();
        let now = Instant::now();
        assert_eq!([pace.take_turn(now), pace.take_turn(now)], [Duration::ZERO; 2]);
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
