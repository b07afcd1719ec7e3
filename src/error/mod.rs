//! What can go wrong, said without HTTP. `api::errors` maps it to responses, in one place.

mod violation;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use violation::{Problem, Segment, Violation};

pub type Result<T> = std::result::Result<T, Error>;

/// The faults of an input that a log line names.
const MAX_NAMED: usize = 3;

/// Why an operation did not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// The input doesn't have the required shape. Its faults are listed at once; whoever makes
    /// the list bounds it.
    Invalid(Vec<Violation>),
    /// An order was placed under this idempotency key before, and this one differs from it.
    KeyReused {
        key: String,
    },
    /// The input has the required shape and breaks a rule (a weak password, a taken name).
    Refused(&'static str),
    /// The caller has not proved who they are.
    Unauthenticated(Unauthenticated),
    /// The caller is known and may not do this.
    Forbidden(&'static str),
    NotFound,
    /// What is stored now does not allow it, or something else is under way that excludes it.
    Conflict(Conflict),
    /// What is asked for is not kept any more, or never was in this store.
    Gone(Gone),
    /// The client names a version, and the order has another by now.
    PreconditionFailed,
    RateLimited(RateLimited),
    Unavailable(Unavailable),
    /// The service is at fault. The text is for the log and is never sent to a client.
    Internal(String),
}

/// Declares [`ErrorKind`] from one list, so that no kind can be missing from
/// [`ErrorKind::ALL`]: a metric has a counter for each of them.
macro_rules! error_kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// The variant of an [`Error`], without its data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorKind {
            $($kind,)*
        }

        impl ErrorKind {
            /// In the order of their declaration: `ALL[kind as usize] == kind`.
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$kind,)*];

            /// One word for metrics.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ErrorKind::$kind => $name,)*
                }
            }
        }
    };
}

error_kinds! {
    Invalid = "invalid",
    Refused = "refused",
    Unauthenticated = "unauthenticated",
    Forbidden = "forbidden",
    NotFound = "not_found",
    Conflict = "conflict",
    Gone = "gone",
    PreconditionFailed = "precondition_failed",
    RateLimited = "rate_limited",
    Unavailable = "unavailable",
    Internal = "internal",
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// No bearer token was sent.
    Missing,
    /// The token is forged, expired or revoked, or its user is gone or disabled.
    BadToken,
    /// Wrong name or password; a client is never told which.
    BadCredentials,
}

/// A token bucket was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    pub requests: u32,
    pub window: Duration,
    /// The time until the bucket has a token again.
    pub retry_after: Duration,
}

/// What is stored now does not allow what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub why: Cow<'static, str>,
    /// What a program needs to go on.
    pub fact: Option<Fact>,
}

/// What a program needs to know of a [`Conflict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The order that has the reference.
    OrderId(u64),
    /// What may still be paid, in minor units.
    Due(u64),
    /// What may still be given back, in minor units.
    Refundable(u64),
}

/// From where on the feed is kept, and whose history it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The first event that is kept, or will be.
    pub oldest: u64,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Nothing was written. The same request may succeed after `retry_after`.
    Busy { why: String, retry_after: Duration },
    /// A commit failed midway: the write may or may not be on disk.
    OutcomeUnknown,
}

impl Conflict {
    pub fn new(why: impl Into<Cow<'static, str>>) -> Conflict {
        Conflict { why: why.into(), fact: None }
    }

    pub fn with(self, fact: Fact) -> Conflict {
        Conflict { fact: Some(fact), ..self }
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Error {
        Error::Conflict(conflict)
    }
}

impl Error {
    pub fn conflict(why: impl Into<Cow<'static, str>>) -> Error {
        Conflict::new(why).into()
    }

    pub fn internal(cause: impl fmt::Display) -> Error {
        Error::Internal(cause.to_string())
    }

    /// Nothing was written; the caller may try again in a second.
    pub fn busy(why: impl Into<String>) -> Error {
        Error::Unavailable(Unavailable::Busy {
            why: why.into(),
            retry_after: Duration::from_secs(1),
        })
    }

    /// Nothing was written, because the service is stopping.
    pub fn stopping() -> Error {
        Error::busy("the service is stopping")
    }

    /// The kind of error, for logs and metrics.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Invalid(_) | Error::KeyReused { .. } => ErrorKind::Invalid,
            Error::Refused(_) => ErrorKind::Refused,
            Error::Unauthenticated(_) => ErrorKind::Unauthenticated,
            Error::Forbidden(_) => ErrorKind::Forbidden,
            Error::NotFound => ErrorKind::NotFound,
            Error::Conflict(_) => ErrorKind::Conflict,
            Error::Gone(_) => ErrorKind::Gone,
            Error::PreconditionFailed => ErrorKind::PreconditionFailed,
            Error::RateLimited(_) => ErrorKind::RateLimited,
            Error::Unavailable(_) => ErrorKind::Unavailable,
            Error::Internal(_) => ErrorKind::Internal,
        }
    }

    /// Whether the fault is the service's, so that the operator should look into it.
    pub fn is_ours(&self) -> bool {
        matches!(self, Error::Unavailable(_) | Error::Internal(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(violations) => {
                let named = violations.iter().take(MAX_NAMED).map(Violation::path);
                write!(f, "invalid: {}", named.collect::<Vec<_>>().join(", "))?;
                match violations.len().saturating_sub(MAX_NAMED) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Error::KeyReused { .. } => {
                f.write_str("the idempotency key was used for something else")
            }
            Error::Refused(why) | Error::Forbidden(why) => f.write_str(why),
            Error::Conflict(Conflict { why, .. }) => f.write_str(why),
            Error::Gone(_) => f.write_str("not kept any more"),
            Error::PreconditionFailed => f.write_str("the order has another version by now"),
            Error::Unauthenticated(Unauthenticated::Missing) => f.write_str("not authenticated"),
            Error::Unauthenticated(Unauthenticated::BadToken) => f.write_str("bad token"),
            Error::Unauthenticated(Unauthenticated::BadCredentials) => {
                f.write_str("wrong name or password")
            }
            Error::NotFound => f.write_str("not found"),
            Error::RateLimited(_) => f.write_str("rate limit exceeded"),
            Error::Unavailable(Unavailable::Busy { why, .. }) => f.write_str(why),
            Error::Unavailable(Unavailable::OutcomeUnknown) => f.write_str("outcome unknown"),
            Error::Internal(why) => write!(f, "internal: {why}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_log_line_names_three_faults_and_counts_the_rest() {
        let fault = |name: &str| Violation::new(vec![name.into()], Problem::Missing, Value::Null);
        let line = |names: &[&str]| {
            Error::Invalid(names.iter().map(|name| fault(name)).collect()).to_string()
        };
        assert_eq!(line(&["a", "b", "c"]), "invalid: a, b, c");
        assert_eq!(line(&["a", "b", "c", "d", "e"]), "invalid: a, b, c and 2 more");
        let long = "x\n".repeat(10_000);
        assert!(line(&[long.as_str(); 5]).len() < 250);
    }
}
