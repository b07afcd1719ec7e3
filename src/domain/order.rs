//! Orders.

use std::fmt;

use crate::clock::Timestamp;
use crate::domain::UserId;

/// From 1, rising, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// How the order went. The API calls it `success`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Successful,
    Failed,
}

/// An order to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub user: UserId,
    pub outcome: Outcome,
    pub created_at: Timestamp,
}

impl Outcome {
    pub fn from_success(success: bool) -> Outcome {
        if success { Outcome::Successful } else { Outcome::Failed }
    }

    pub fn is_success(self) -> bool {
        self == Outcome::Successful
    }

    /// One word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Successful => "successful",
            Outcome::Failed => "failed",
        }
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
