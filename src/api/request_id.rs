//! The id by which a request is found in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::http::{Field, Head};

/// Ids that don't repeat: a random start and a number that rises.
pub struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    /// # Errors
    /// The system has no random bytes.
    pub fn new() -> Result<RequestIds> {
        let prefix = crate::auth::random_hex::<4>().map_err(Error::internal)?;
        Ok(RequestIds { prefix, next: AtomicU64::new(1) })
    }

    /// The id that the client gave, if it is safe to repeat, else a new one.
    pub fn of(&self, head: &Head) -> String {
        match head.field(Field::XRequestId) {
            Some(given) if is_request_id(given) => given.to_owned(),
            _ => self.next(),
        }
    }

    pub fn next(&self) -> String {
        format!("{}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// 1 to 64 of `[A-Za-z0-9._-]`: safe in a header and in a log.
fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
