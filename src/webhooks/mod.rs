//! Webhooks: tell whoever wants it of events, in order, at least once.
//!
//! [`delivery`] makes one attempt: [`resolver`] finds addresses in bounded time, each is held
//! against the networks that may be reached, and `wire` connects to those that pass. [`signature`]
//! signs, [`schedule`] decides when to try again.

pub mod delivery;
pub mod resolver;
mod retry_after;
pub mod schedule;
pub mod signature;
mod wire;
