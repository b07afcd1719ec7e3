//! What the sender tells of a round, and what follows it.

use std::time::Duration;

use crate::clock::Timestamp;

/// Longest wait between two looks at the outbox: the clock may have been set meanwhile.
const IDLE_WAIT: Duration = Duration::from_secs(60);
/// Wait after a round that could not reach the server or the store.
pub const FAILURE_WAIT: Duration = Duration::from_secs(1);

/// What follows a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next one, at once.
    Round,
    /// For so long nothing is sent, whatever comes.
    Pause(Duration),
    /// Until a mail comes, but no longer than this.
    Wait(Duration),
}

/// What one round did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub sent: usize,
    /// To be tried again later.
    pub deferred: usize,
    /// Rejected for good, given up, or unreadable.
    pub dead: usize,
    /// Why no session could be opened, or an unreadable mail not be quarantined.
    pub failure: Option<String>,
    /// Orders were passed over that have no mail: behind them may be some that do.
    pub has_passed: bool,
    /// Nothing was tried, and nothing will be for so long: the server refuses us.
    pub pause: Option<Duration>,
    /// When the first mail is due that this round left.
    pub next_due: Option<Timestamp>,
}

impl Round {
    pub fn next(&self, now: Timestamp) -> Next {
        if let Some(pause) = self.pause {
            return Next::Pause(pause.min(IDLE_WAIT));
        }
        if self.failure.is_some() {
            return Next::Pause(FAILURE_WAIT);
        }
        if self.has_passed || self.sent + self.deferred + self.dead > 0 {
            return Next::Round;
        }
        let until_due = self.next_due.map(|due| due.since(now));
        Next::Wait(until_due.unwrap_or(IDLE_WAIT).min(IDLE_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    #[test]
    fn a_round_that_did_anything_is_followed_by_another_at_once() {
        for round in [
            Round { sent: 1, ..Round::default() },
            Round { deferred: 1, ..Round::default() },
            Round { dead: 1, ..Round::default() },
            // More such orders than one round looks at may stand before the next mail.
            Round { has_passed: true, ..Round::default() },
        ] {
            assert_eq!(round.next(NOW), Next::Round, "{round:?}");
        }
    }

    #[test]
    fn a_round_that_found_nothing_is_followed_by_a_wait_for_the_next_mail() {
        let due = |secs| Some(NOW + Duration::from_secs(secs));
        let wait = |next_due| Round { next_due, ..Round::default() }.next(NOW);
        assert_eq!(wait(due(7)), Next::Wait(Duration::from_secs(7)));
        assert_eq!(wait(due(3600)), Next::Wait(IDLE_WAIT));
        assert_eq!(wait(None), Next::Wait(IDLE_WAIT));
    }

    #[test]
    fn a_failure_is_followed_by_a_pause_also_where_something_was_sent() {
        let failure = Some("refused".to_owned());
        let failed = Round { failure, sent: 3, has_passed: true, ..Round::default() };
        assert_eq!(failed.next(NOW), Next::Pause(FAILURE_WAIT));
        let paused = Round { pause: Some(Duration::from_secs(300)), ..Round::default() };
        assert_eq!(paused.next(NOW), Next::Pause(IDLE_WAIT));
    }
}
