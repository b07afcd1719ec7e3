//! The HTTP side: front door, airlock, parking, janitor; then routes, extraction, handlers.

pub mod chunked;
pub mod framing;
pub mod refusal;
pub mod reply;
pub mod target;
