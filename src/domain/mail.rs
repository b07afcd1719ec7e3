//! The mail that tells a customer about an order: one for each order.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::{EmailAddress, Order, OrderId};

/// Longest time from a failed attempt to the next. A mail that is due later than this was put off
/// by a clock that was ahead.
pub const MAX_RETRY_DELAY: Duration = Duration::from_secs(60 * 60);

/// The same number as its order's: there is one mail for each order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(pub u64);

/// Identifies the mail to its receiver, who can drop a repeat by it. Random, made when the
/// order is placed, and the same at every attempt; without angle brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(pub String);

/// A mail of the outbox, with its order and its addressee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub id: MailId,
    pub message_id: MessageId,
    pub order: Order,
    pub username: String,
    pub to: EmailAddress,
    pub attempts: u32,
    /// Time of the first attempt, if there was one. Retries go on for a day at least.
    pub first_tried: Option<Timestamp>,
    pub last_error: Option<String>,
    pub state: MailState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// To be sent at `due`.
    Pending {
        due: Timestamp,
    },
    Sent {
        at: Timestamp,
    },
    /// Rejected for good, or tried for too long. It is kept until an admin retries it.
    Dead {
        at: Timestamp,
    },
}

impl MailState {
    pub fn as_str(self) -> &'static str {
        match self {
            MailState::Pending { .. } => "pending",
            MailState::Sent { .. } => "sent",
            MailState::Dead { .. } => "dead",
        }
    }
}

impl MailId {
    pub fn order(self) -> OrderId {
        OrderId(self.0)
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
