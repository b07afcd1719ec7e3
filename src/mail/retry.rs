//! When to try a mail again, and when to give up. The caller passes the time.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::Mail;
use crate::domain::mail::MAX_RETRY_DELAY;
use crate::store::Attempt;

use super::delivery::Delivery;

const FIRST_DELAY_S: u64 = 30;
const MAX_DELAY_S: u64 = MAX_RETRY_DELAY.as_secs();
/// How long attempts go on at least, counted from the first one.
pub const PERIOD: Duration = Duration::from_secs(24 * 60 * 60);
/// How many attempts there are at least: of a host that was off for most of the period they are
/// most of its chances. Without an interruption there are more within the period.
const MIN_ATTEMPTS: u32 = 24;
/// How many there are at most, whatever the clock says: more than the period has room for.
const MAX_ATTEMPTS: u32 = 64;

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    At(Timestamp),
    /// It was tried for long enough and often enough.
    Exhausted,
}

/// What is kept of attempt number `attempts`, which ended at `now`.
pub(super) fn attempt(mail: &Mail, attempts: u32, delivery: Delivery, now: Timestamp) -> Attempt {
    let error = match delivery {
        Delivery::Delivered => return Attempt::Sent,
        Delivery::Rejected { text, .. } | Delivery::Undeliverable { text } => {
            return Attempt::Died { error: text };
        }
        Delivery::Unclear { text, .. }
        | Delivery::Refused { text }
        | Delivery::Deferred { text } => text,
    };
    // Without the system's random numbers only the spread of the retries is worse.
    let random = getrandom::u64().unwrap_or(mail.id.0);
    match next(mail.first_tried.unwrap_or(now), attempts, now, random) {
        Next::At(due) => Attempt::Deferred { due, error },
        Next::Exhausted => Attempt::Died { error: format!("given up: {error}") },
    }
}

/// What follows attempt number `attempts` (1 is the first), which failed at `now`.
///
/// The delay is 30 s, doubled with each attempt up to 1 h. `random` takes off up to half of
/// it, so that mails that failed together are not retried together. An attempt that would
/// come after the 24 h comes at their end instead.
pub fn next(first_tried: Timestamp, attempts: u32, now: Timestamp, random: u64) -> Next {
    let end = first_tried + PERIOD;
    let is_over = now >= end && attempts >= MIN_ATTEMPTS;
    if is_over || attempts >= MAX_ATTEMPTS {
        return Next::Exhausted;
    }
    let at = now + delay(attempts, random);
    Next::At(if now < end { at.min(end) } else { at })
}

fn delay(attempts: u32, random: u64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let full_ms = (FIRST_DELAY_S << doublings).min(MAX_DELAY_S) * 1000;
    let half_ms = full_ms / 2;
    Duration::from_millis(half_ms + random % (half_ms + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::EPOCH;

    #[test]
    fn the_delay_doubles_from_half_a_minute_to_an_hour() {
        // The random number that takes nothing off is half of the delay in ms.
        assert_eq!(delay(1, 15_000), Duration::from_secs(30));
        assert_eq!(delay(2, 30_000), Duration::from_secs(60));
        assert_eq!(delay(3, 60_000), Duration::from_secs(120));
        for attempts in [8, 9, 1000, u32::MAX] {
            assert_eq!(delay(attempts, 1_800_000), Duration::from_secs(3600));
        }
    }

    #[test]
    fn the_delay_is_never_under_half_or_over_the_whole() {
        let bounds = Duration::from_secs(15)..=Duration::from_secs(30);
        for random in [0, 1, 14_999, 15_000, 15_001, u64::MAX / 3, u64::MAX] {
            assert!(bounds.contains(&delay(1, random)));
            assert!(bounds.contains(&delay(0, random)));
        }
        assert_ne!(delay(1, 3), delay(1, 4000));
    }

    #[test]
    fn a_mail_is_tried_at_the_end_of_its_day_and_then_no_more() {
        let end = START + PERIOD;
        assert_eq!(next(START, 30, end - Duration::from_secs(60), 7), Next::At(end));
        assert_eq!(next(START, 31, end, 7), Next::Exhausted);
        assert_eq!(next(START, MIN_ATTEMPTS, end + Duration::from_secs(1), 7), Next::Exhausted);
    }

    #[test]
    fn a_mail_whose_host_was_off_for_days_still_has_its_attempts() {
        let mut now = START + Duration::from_secs(60 * 3600);
        for attempts in 2..MIN_ATTEMPTS {
            let Next::At(at) = next(START, attempts, now, 7) else { panic!("{attempts}") };
            assert!(at > now && at <= now + MAX_RETRY_DELAY);
            now = at;
        }
        assert_eq!(next(START, MIN_ATTEMPTS, now, 7), Next::Exhausted);
    }

    #[test]
    fn a_first_attempt_in_the_future_gives_no_attempts_without_end() {
        let ahead = START + Duration::from_secs(365 * 86_400);
        assert!(matches!(next(ahead, MAX_ATTEMPTS - 1, START, 7), Next::At(_)));
        assert_eq!(next(ahead, MAX_ATTEMPTS, START, 7), Next::Exhausted);
    }

    #[test]
    fn a_dead_server_is_asked_a_bounded_number_of_times() {
        let mut now = START;
        let mut attempts = 1;
        while let Next::At(at) = next(START, attempts, now, 0) {
            assert!(at > now);
            now = at;
            attempts += 1;
        }
        assert!((MIN_ATTEMPTS..MAX_ATTEMPTS).contains(&attempts), "{attempts}");
        assert_eq!(now, START + PERIOD);
    }
}
