//! What is wrong with an input, and where.

use serde_json::Value;

/// One fault of the input: where it is, what is wrong, and the value that is wrong.
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

/// What is wrong with a value. The wire's words for each are in `api::errors`.
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
    /// A string or number that does not stand for a boolean.
    UnreadableBool,
    NotABool,
    /// `expected` lists the values that are allowed, as in `'user' or 'admin'`.
    NotOneOf {
        expected: &'static str,
    },
    NotAnEmail {
        reason: String,
    },
    /// Where `is_text`, digits are wanted; else a number.
    NotAnInteger {
        is_text: bool,
    },
    /// A number with a fraction, where an integer is wanted.
    Fraction,
    NotADecimal,
    TooManyDecimals {
        max: u32,
    },
    NotAnArray,
    TooFewItems {
        min: usize,
        found: usize,
    },
    TooManyItems {
        max: usize,
        found: usize,
    },
    /// A map of names to texts is wanted.
    NotADictionary,
    NotAbove {
        bound: i64,
    },
    Below {
        min: i64,
    },
    Above {
        max: i64,
    },
    AboveDecimal {
        max: &'static str,
    },
    /// Any other fault; `reason` says which, in words for people.
    Value {
        reason: String,
    },
    Unexpected,
}

impl Violation {
    pub fn new(location: Vec<Segment>, problem: Problem, input: Value) -> Violation {
        Violation { location, problem, input }
    }

    /// The place as `body.username`. A name may come from the client: what a log line can't
    /// hold is escaped, and a long one is cut.
    pub(super) fn path(&self) -> String {
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

impl From<&str> for Segment {
    fn from(name: &str) -> Segment {
        Segment::Name(name.to_owned())
    }
}
