//! What the customer is told: one mail for each order.

use std::fmt;

use crate::clock::Timestamp;
use crate::domain::{EmailAddress, Order, OrderId};

/// The id of its order: there is one mail for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(pub u64);

/// What a receiver knows a repeat by: random, made with the mail's row and the same
/// at every attempt. Without the angle brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(pub String);

/// A mail of the outbox, with the order and the addressee that it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub id: MailId,
    pub message_id: MessageId,
    pub order: Order,
    pub username: String,
    pub to: EmailAddress,
    pub attempts: u32,
    /// When it was tried for the first time, if it was; retries end a day later.
    pub first_tried: Option<Timestamp>,
    pub last_error: Option<String>,
    pub state: MailState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// Waits for its next attempt.
    Pending {
        due: Timestamp,
    },
    Sent {
        at: Timestamp,
    },
    /// Refused for good, or tried for too long. Kept until someone retries it.
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
    pub fn of(order: OrderId) -> MailId {
        MailId(order.0)
    }

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
