//! When to try again, and when to give up. Pure: the caller passes time and chance.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::webhook::Failing;

/// The delays after the first failures, in seconds; the last one goes on.
const DELAYS_S: [u64; 5] = [5, 30, 120, 300, 900];
/// A receiver can ask for this much at most.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// The longest wait that is ever set; the delays are shorter, with their spread.
const MAX_WAIT: Duration = MAX_RETRY_AFTER;
/// How long a receiver that answers may fail.
pub const PATIENCE: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// How far a failed attempt got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// A receiver answered, or kept the connection without an answer.
    Receiver,
    /// The name, the connection or its encryption failed: that says nothing about the receiver.
    Nobody,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Retry(Failing),
    /// It has failed for too long.
    Disable,
}

/// What follows the attempt that failed at `now`. `random` moves the delay by up to a fifth of
/// it, so that receivers of many boxes are not all asked at once; it never shortens what the
/// receiver asks for.
pub fn next(
    before: Option<Failing>,
    reached: Reached,
    retry_after: Option<Duration>,
    now: Timestamp,
    random: u64,
) -> Next {
    let since = before.map_or(now, |failing| failing.since);
    let attempts = before.map_or(0, |failing| failing.attempts).saturating_add(1);
    let was_reached =
        reached == Reached::Receiver || before.is_some_and(|failing| failing.was_reached);
    if was_reached && now.since(since) >= PATIENCE {
        return Next::Disable;
    }
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    let delay = jittered(delay(attempts), random).max(asked);
    Next::Retry(Failing { since, attempts, next_attempt: now + delay, was_reached })
}

/// How long until the next attempt; `None` once it is due, and where it is further ahead than any
/// is set: then the clock was ahead when it was set.
pub fn wait(failing: Failing, now: Timestamp) -> Option<Duration> {
    let wait = failing.next_attempt.since(now);
    (!wait.is_zero() && wait <= MAX_WAIT).then_some(wait)
}

fn delay(attempts: u32) -> Duration {
    let index = (attempts as usize).saturating_sub(1).min(DELAYS_S.len() - 1);
    Duration::from_secs(DELAYS_S[index])
}

/// From four to six fifths of it.
fn jittered(delay: Duration, random: u64) -> Duration {
    let millis = delay.as_millis() as u64;
    Duration::from_millis(millis * 4 / 5 + random % (millis * 2 / 5 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_759_816_691;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(NOW + secs)
    }

    fn failing(attempts: u32) -> Failing {
        Failing { since: at(0), attempts, next_attempt: at(0), was_reached: true }
    }

    fn delay_of(before: Option<Failing>, retry_after: Option<u64>, random: u64) -> Duration {
        let retry_after = retry_after.map(Duration::from_secs);
        match next(before, Reached::Receiver, retry_after, at(0), random) {
            Next::Retry(failing) => failing.next_attempt.since(at(0)),
            Next::Disable => panic!("disabled"),
        }
    }

    #[test]
    fn delays_grow_to_a_quarter_of_an_hour_and_vary_by_a_fifth() {
        for (attempts, secs) in
            [(0, 5), (1, 30), (2, 120), (3, 300), (4, 900), (5, 900), (9999, 900)]
        {
            let millis = secs * 1000;
            let before = (attempts > 0).then(|| failing(attempts));
            for random in (0..10_000).map(|n| n * 7919).chain([0, u64::MAX]) {
                let delay = delay_of(before, None, random).as_millis() as u64;
                assert!((millis * 4 / 5..=millis * 6 / 5).contains(&delay), "{attempts}: {delay}");
            }
            let shortest = delay_of(before, None, 0).as_millis() as u64;
            let longest = delay_of(before, None, millis * 2 / 5).as_millis() as u64;
            assert_eq!((shortest, longest), (millis * 4 / 5, millis * 6 / 5));
        }
    }

    #[test]
    fn a_receiver_can_put_it_off_for_an_hour_and_never_hurry_it() {
        assert_eq!(delay_of(None, Some(60), 0), Duration::from_secs(60));
        assert_eq!(delay_of(None, Some(1), 0), Duration::from_secs(4));
        assert_eq!(delay_of(None, Some(86_400), 0), Duration::from_secs(3600));
        assert_eq!(delay_of(Some(failing(9)), Some(900), 0), Duration::from_secs(900));
    }

    #[test]
    fn five_days_end_it_if_a_receiver_was_there_and_never_otherwise() {
        let five_days = PATIENCE.as_secs();
        let outcome = |was_reached, reached, secs| {
            let before = Failing { was_reached, ..failing(500) };
            next(Some(before), reached, None, at(secs), 0) == Next::Disable
        };
        assert!(outcome(true, Reached::Receiver, five_days));
        assert!(outcome(true, Reached::Nobody, five_days));
        assert!(outcome(false, Reached::Receiver, five_days));
        assert!(!outcome(false, Reached::Nobody, five_days * 100));
        assert!(!outcome(true, Reached::Receiver, five_days - 1));
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nothing_up() {
        let failing = |secs| Failing { next_attempt: at(secs), ..failing(3) };
        assert_eq!(wait(failing(0), at(0)), None);
        assert_eq!(wait(failing(9), at(10)), None);
        assert_eq!(wait(failing(3600), at(0)), Some(Duration::from_secs(3600)));
        assert_eq!(wait(failing(365 * 24 * 3600), at(0)), None);
    }

    #[test]
    fn a_spell_keeps_its_beginning() {
        let Next::Retry(first) = next(None, Reached::Nobody, None, at(7), 0) else { panic!() };
        assert_eq!((first.since, first.attempts, first.was_reached), (at(7), 1, false));
        let second = next(Some(first), Reached::Receiver, None, at(20), 0);
        let Next::Retry(second) = second else { panic!() };
        assert_eq!((second.since, second.attempts, second.was_reached), (at(7), 2, true));
    }
}
