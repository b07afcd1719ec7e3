//! The names of the rate limits, and what a caller is told about one.

use crate::domain::{Network, UserId};
use crate::limiter::{BucketState, Rate};

/// The limit of a route. What it counts by is part of its type, so that no limit can spend
/// from another's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    ByClient(ClientLimit),
    ByUser(UserLimit),
}

/// Limits by the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientLimit {
    Login,
}

/// Limits by user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserLimit {
    Register,
    Orders,
    /// Changes of one's own password, each of which checks the old one.
    Password,
}

/// Whose token a request has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    ByClient {
        client: Network,
        /// Only the client's own bucket was asked, and none that it shares.
        is_known: bool,
    },
    ByUser {
        limit: UserLimit,
        user: UserId,
    },
}

/// The state of a bucket, and the limit that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitState {
    pub limit: Limit,
    pub rate: Rate,
    pub bucket: BucketState,
}

impl Limit {
    pub const LOGIN: Limit = Limit::ByClient(ClientLimit::Login);
    pub const REGISTER: Limit = Limit::ByUser(UserLimit::Register);
    pub const ORDERS: Limit = Limit::ByUser(UserLimit::Orders);
    pub const PASSWORD: Limit = Limit::ByUser(UserLimit::Password);

    /// The name in headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Limit::ByClient(ClientLimit::Login) => "login",
            Limit::ByUser(UserLimit::Register) => "register",
            Limit::ByUser(UserLimit::Orders) => "orders",
            Limit::ByUser(UserLimit::Password) => "password",
        }
    }
}

impl LimitState {
    pub fn is_tighter_than(&self, other: &LimitState) -> bool {
        let room = |it: &LimitState| (it.bucket.allowed, it.bucket.remaining);
        room(self) < room(other)
    }
}
