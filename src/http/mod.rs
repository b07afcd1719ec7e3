//! The HTTP side: front door, airlock, parking, janitor; then routes, extraction, handlers.

pub mod reply;
