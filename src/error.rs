//! What can go wrong, said without HTTP. `http::errors` maps it to answers, in one place.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation did not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// What was sent doesn't have the shape that was asked for; every fault of it at once.
    Invalid(Vec<Violation>),
    /// It has the shape, and breaks a rule of the house (a weak password, a taken name).
    Refused(&'static str),
    /// Nobody known is asking.
    Unauthenticated(Unauthenticated),
    /// Somebody known is asking for what isn't theirs.
    Forbidden(&'static str),
    NotFound,
    /// It can't be done in the state that things are in.
    Conflict(&'static str),
    RateLimited(RateLimited),
    Unavailable(Unavailable),
    /// A fault of ours. The text is for the log and never leaves the host.
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
    RateLimited = "rate_limited",
    Unavailable = "unavailable",
    Internal = "internal",
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// No bearer token was sent.
    Missing,
    /// The token is wrong, over, revoked, or its user is gone or disabled.
    BadToken,
    /// Wrong name or password; which of them is never said.
    BadCredentials,
}

/// A bucket was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    pub requests: u32,
    pub window: Duration,
    /// Until the next token.
    pub retry_after: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Nothing was done; asking again after `retry_after` may help.
    Busy { why: String, retry_after: Duration },
    /// A commit failed midway: it may or may not be on disk.
    OutcomeUnknown,
}

/// One fault in what was sent: where, what, and the value that has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    pub location: Vec<Segment>,
    pub problem: Problem,
    pub input: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Name(String),
    Index(usize),
}

/// What is wrong with a value. The wire's words for each are in `http::errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Missing,
    JsonInvalid {
        why: String,
    },
    NotAnObject,
    NotAString,
    TooShort {
        min: usize,
    },
    TooLong {
        max: usize,
    },
    /// A string or number that no boolean is written as.
    UnreadableBool,
    NotABool,
    /// `expected` lists what would do, as in `'user' or 'admin'`.
    NotOneOf {
        expected: &'static str,
    },
    NotAnEmail {
        reason: String,
    },
    NotAnInteger,
    Below {
        min: i64,
    },
    Above {
        max: i64,
    },
    /// Anything else that is said in its own words.
    Value {
        reason: String,
    },
    Unexpected,
}

impl Violation {
    pub fn new(location: Vec<Segment>, problem: Problem, input: Value) -> Violation {
        Violation { location, problem, input }
    }
}

impl From<&str> for Segment {
    fn from(name: &str) -> Segment {
        Segment::Name(name.to_owned())
    }
}

impl Error {
    pub fn internal(cause: impl fmt::Display) -> Error {
        Error::Internal(cause.to_string())
    }

    /// Nothing was done, and a second is a good time to wait.
    pub fn busy(why: impl Into<String>) -> Error {
        Error::Unavailable(Unavailable::Busy {
            why: why.into(),
            retry_after: Duration::from_secs(1),
        })
    }

    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Invalid(_) => ErrorKind::Invalid,
            Error::Refused(_) => ErrorKind::Refused,
            Error::Unauthenticated(_) => ErrorKind::Unauthenticated,
            Error::Forbidden(_) => ErrorKind::Forbidden,
            Error::NotFound => ErrorKind::NotFound,
            Error::Conflict(_) => ErrorKind::Conflict,
            Error::RateLimited(_) => ErrorKind::RateLimited,
            Error::Unavailable(_) => ErrorKind::Unavailable,
            Error::Internal(_) => ErrorKind::Internal,
        }
    }

    /// True where the operator should look: the caller did nothing wrong.
    pub fn is_ours(&self) -> bool {
        matches!(self, Error::Unavailable(_) | Error::Internal(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(violations) => {
                let fields: Vec<String> = violations.iter().map(Violation::path).collect();
                write!(f, "invalid: {}", fields.join(", "))
            }
            Error::Refused(why) | Error::Forbidden(why) | Error::Conflict(why) => f.write_str(why),
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

impl Violation {
    /// Where, as `body.username`; only names of ours, so that it can be logged.
    fn path(&self) -> String {
        let names: Vec<String> = self
            .location
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => name.escape_debug().take(64).collect(),
                Segment::Index(index) => index.to_string(),
            })
            .collect();
        names.join(".")
    }
}
