//! Orders: simple ones, which only succeed or fail, and those with content.

pub mod basket;
pub mod change;
pub mod content;
pub mod history;
pub mod reference;
pub mod status;
pub mod totals;
pub mod words;

use std::fmt;

use crate::clock::Timestamp;
use crate::domain::UserId;

pub use change::{Actor, Already, Change, Entry, EntryKind};
pub use content::{Content, NewContent};
pub use status::Status;

/// From 1, rising, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// How a simple order went. The API calls it `success`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Successful,
    Failed,
}

/// An order to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewOrder {
    Simple(Outcome),
    Content(Box<NewContent>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    /// Whom it is for.
    pub user: UserId,
    /// Whole seconds.
    pub created_at: Timestamp,
    pub body: OrderBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderBody {
    Simple(Outcome),
    Content(Box<Content>),
}

impl Outcome {
    pub fn from_success(success: bool) -> Outcome {
        if success { Outcome::Successful } else { Outcome::Failed }
    }

    pub fn is_success(self) -> bool {
        self == Outcome::Successful
    }

    /// The status that a simple order has from the start.
    pub fn status(self) -> Status {
        match self {
            Outcome::Successful => Status::Completed,
            Outcome::Failed => Status::Failed,
        }
    }
}

impl Order {
    pub fn content(&self) -> Option<&Content> {
        match &self.body {
            OrderBody::Simple(_) => None,
            OrderBody::Content(content) => Some(content),
        }
    }

    pub fn status(&self) -> Status {
        match &self.body {
            OrderBody::Simple(outcome) => outcome.status(),
            OrderBody::Content(content) => content.status,
        }
    }

    /// Whose idempotency key it was placed with, if there was one; none for the operator.
    pub fn placed_by(&self) -> Option<UserId> {
        self.content().map_or(Some(self.user), |content| content.placed_by.user)
    }

    /// Rises with each change; a simple order never changes.
    pub fn version(&self) -> u64 {
        self.content().map_or(1, Content::version)
    }

    /// When it became that version, by the clock of then.
    pub fn time_of(&self, version: u64) -> Option<Timestamp> {
        let Some(change) = version.checked_sub(2) else { return Some(self.created_at) };
        let history = &self.content()?.history;
        history.get(usize::try_from(change).ok()?).map(|entry| entry.at)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
