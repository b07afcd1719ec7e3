//! Webhooks: tell whoever wants it of events, in order, at least once.
//!
//! [`runner`] has a thread for each enabled webhook, and [`endpoint`] is what it does: read the
//! next event, send it, mark it. [`delivery`] makes one attempt: [`resolver`] finds addresses in
//! bounded time, each is held against the networks that may be reached, and `wire` connects to
//! those that pass. [`signature`] signs, [`schedule`] decides when to try again, and [`tester`]
//! tries a webhook out.

pub mod delivery;
pub mod endpoint;
pub mod resolver;
mod retry_after;
pub mod runner;
pub mod schedule;
pub mod signature;
pub mod tester;
pub mod trust;
mod wire;
