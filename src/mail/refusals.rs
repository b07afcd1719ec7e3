//! Whether the server refuses us: a spell of refusals that speak of no recipient. Pure: the
//! caller passes time.
//!
//! While a relay refuses every mail, going on would only make it angrier. So a spell pauses the
//! sender; after the pause one mail asks whether it is over.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::EmailAddress;

/// What `GET /health` says. The server's own words are for admins: in the log and `last_error`.
pub const REFUSED: &str = "the mail server refuses our mail; the log and last_error say why";
/// So many recipients in a row are a spell. Fewer may be one customer's domain.
const SPELL: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Default)]
pub struct Refusals {
    /// Refused since the last mail that was taken; no more than [`SPELL`] are kept.
    recipients: BTreeSet<String>,
    /// Pauses since then.
    pauses: u32,
    /// When the pause ends, as uptime.
    until: Duration,
}

impl Refusals {
    /// A mail was taken: whatever there was is over.
    pub fn end(&mut self) {
        *self = Refusals::default();
    }

    /// A refusal for this recipient that is, or may be, about us.
    pub fn note(&mut self, to: &EmailAddress) {
        if self.recipients.len() < SPELL {
            self.recipients.insert(to.as_str().to_lowercase());
        }
    }

    /// Pauses where there have been enough.
    pub fn judge(&mut self, now: Duration) {
        if self.is_spell() || self.recipients.len() >= SPELL {
            self.pause(now);
        }
    }

    /// The whole session was refused: that is about us for certain.
    pub fn pause(&mut self, now: Duration) {
        if self.pause_left(now).is_none() {
            let doubled = FIRST_PAUSE * (1 << self.pauses.min(8));
            self.until = now + doubled.min(MAX_PAUSE);
            self.pauses = self.pauses.saturating_add(1);
        }
    }

    /// Whether another recipient was refused since a mail was last taken.
    pub fn has_others_than(&self, to: &EmailAddress) -> bool {
        let to = to.as_str().to_lowercase();
        self.recipients.iter().any(|other| *other != to)
    }

    pub fn is_spell(&self) -> bool {
        self.pauses > 0
    }

    pub fn pause_left(&self, now: Duration) -> Option<Duration> {
        self.until.checked_sub(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(7);

    fn to(name: &str) -> EmailAddress {
        EmailAddress::parse(&format!("{name}@b.test")).unwrap()
    }

    #[test]
    fn one_recipient_is_no_spell_however_often_it_is_refused() {
        let mut refusals = Refusals::default();
        for name in ["ada", "Ada", "ada", "bob"] {
            refusals.note(&to(name));
            refusals.judge(START);
        }
        assert!(!refusals.is_spell());
        refusals.note(&to("eve"));
        refusals.judge(START);
        assert_eq!(refusals.pause_left(START), Some(FIRST_PAUSE));
    }

    #[test]
    fn pauses_grow_to_their_bound_and_a_mail_that_is_taken_ends_them() {
        let (mut refusals, mut now) = (Refusals::default(), START);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            refusals.pause(now);
            refusals.judge(now);
            let left = refusals.pause_left(now).unwrap();
            pauses.push(left.as_secs());
            now += left;
            assert_eq!(refusals.pause_left(now), None);
        }
        assert_eq!(pauses[..5], [30, 60, 120, 240, 300]);
        assert_eq!(pauses[39], 300);
        refusals.end();
        assert!(!refusals.is_spell() && refusals.pause_left(START).is_none());
    }
}
