//! The mails that tell of an order.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::order::{OrderBody, Outcome};
use crate::domain::{EmailAddress, Order};

/// Longest time from a failed attempt to the next. A mail that is due later than this was put off
/// by a clock that was ahead.
pub const MAX_RETRY_DELAY: Duration = Duration::from_secs(60 * 60);

/// Rises in the order of the commits, never reused. Mails of files from before version 5 have the
/// numbers of their orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(pub u64);

/// Identifies the mail to its receiver, who can drop a repeat by it. Random, made when the
/// order is placed, and the same at every attempt; without angle brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(pub String);

crate::domain::order::status::words! {
    /// What a mail is about.
    pub enum MailKind {
        /// The order was placed. The first mail of most orders.
        Placed = 0 "order_placed",
        Ready = 1 "order_ready",
        Canceled = 2 "order_canceled",
        /// Tells the shop of a new order.
        Notify = 3 "notify",
    }
}

/// A mail of the outbox, with its order and its addressee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub id: MailId,
    pub kind: MailKind,
    pub message_id: MessageId,
    /// As it is now.
    pub order: Order,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Of the user whom the order is for.
    pub username: String,
    /// Where it goes. None where its order has lost the customer's address since.
    pub to: Option<EmailAddress>,
    /// Where the customer is written to, if anywhere; the mail itself may go to the shop.
    pub customer: Option<EmailAddress>,
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

impl MailKind {
    /// The kinds as clients have them: see [`Mail::kind_name`].
    pub const NAMES: [&'static str; 6] = [
        "order_success",
        "order_failed",
        "order_placed",
        "order_ready",
        "order_canceled",
        "notify",
    ];
}

impl Mail {
    /// The mail's kind as clients have it: simple orders have two of their own.
    pub fn kind_name(&self) -> &'static str {
        match (&self.order.body, self.kind) {
            (OrderBody::Simple(Outcome::Successful), MailKind::Placed) => "order_success",
            (OrderBody::Simple(Outcome::Failed), MailKind::Placed) => "order_failed",
            (_, kind) => kind.as_str(),
        }
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
