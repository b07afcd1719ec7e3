//! What the sender tells of a round.

use std::time::Duration;

use crate::clock::Timestamp;

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
    /// Nothing was tried, and nothing will be for so long: the server refuses us.
    pub pause: Option<Duration>,
    /// When the first mail is due that this round left.
    pub next_due: Option<Timestamp>,
}
