//! Errors as the wire has them: the one place that knows their statuses and words.

use serde::Serialize;
use serde_json::{Value, json};

use super::bodies;
use super::reply::Reply;
use crate::error::{Error, Problem, Segment, Unauthenticated, Unavailable, Violation};
use crate::limiter::Rate;

/// The answer to a request that failed.
pub fn reply(error: &Error) -> Reply {
    match error {
        Error::Invalid(violations) => {
            bodies::reply(422, &Invalid { detail: violations.iter().map(fault).collect() })
        }
        Error::KeyReused { key } => {
            let reason = "This key was used for another order".to_owned();
            let location = vec!["header".into(), "idempotency-key".into()];
            let problem = Problem::Value { reason };
            let violation = Violation::new(location, problem, key.as_str().into());
            reply(&Error::Invalid(vec![violation]))
        }
        Error::Refused(why) => Reply::detail(400, why),
        Error::Unauthenticated(why) => {
            let text = match why {
                Unauthenticated::Missing => "Not authenticated",
                Unauthenticated::BadToken => "Could not validate credentials",
                Unauthenticated::BadCredentials => "Incorrect username or password",
            };
            Reply::detail(401, text).header("WWW-Authenticate", "Bearer")
        }
        Error::Forbidden(why) => Reply::detail(403, why),
        Error::NotFound => Reply::detail(404, "Not Found"),
        Error::Conflict(why) => Reply::detail(409, why),
        Error::RateLimited(limited) => {
            let rate = Rate { requests: limited.requests, window: limited.window };
            let text = format!("Rate limit exceeded: {}", rate.describe());
            let body = json!({ "error": text, "detail": text }).to_string();
            Reply::json(429, body.into_bytes())
                .header("Retry-After", whole_secs(limited.retry_after).to_string())
        }
        Error::Unavailable(Unavailable::Busy { retry_after, .. }) => {
            Reply::detail(503, "Service Unavailable")
                .header("Retry-After", whole_secs(*retry_after).to_string())
        }
        Error::Unavailable(Unavailable::OutcomeUnknown) => {
            Reply::detail(503, "The outcome is unknown")
        }
        Error::Internal(_) => Reply::detail(500, "Internal Server Error"),
    }
}

/// Rounded up: who waits that long finds a token.
pub fn whole_secs(duration: std::time::Duration) -> u64 {
    duration.as_nanos().div_ceil(1_000_000_000) as u64
}

/// What was given is lent, not copied: it may be large.
#[derive(Serialize)]
struct Invalid<'v> {
    detail: Vec<Fault<'v>>,
}

#[derive(Serialize)]
struct Fault<'v> {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<Value>,
    msg: String,
    input: &'v Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

fn fault(violation: &Violation) -> Fault<'_> {
    let (kind, msg, context) = describe(&violation.problem);
    let loc = violation.location.iter().map(segment).collect();
    let ctx = context.map(|(name, value)| json!({ name: value }));
    Fault { kind, loc, msg, input: &violation.input, ctx }
}

fn segment(segment: &Segment) -> Value {
    match segment {
        Segment::Name(name) => name.as_str().into(),
        Segment::Index(index) => (*index).into(),
    }
}

type Described = (&'static str, String, Option<(&'static str, Value)>);

/// Type, message and context, as pydantic 2 words them.
fn describe(problem: &Problem) -> Described {
    let plain = |kind, message: &str| (kind, message.to_owned(), None);
    match problem {
        Problem::Missing => plain("missing", "Field required"),
        Problem::JsonInvalid { why } => {
            ("json_invalid", "JSON decode error".into(), Some(("error", why.as_str().into())))
        }
        Problem::NotAnObject => plain(
            "model_attributes_type",
            "Input should be a valid dictionary or object to extract fields from",
        ),
        Problem::NotAString => plain("string_type", "Input should be a valid string"),
        Problem::TooShort { min } => {
            let message = format!("String should have at least {}", characters(*min));
            ("string_too_short", message, Some(("min_length", (*min).into())))
        }
        Problem::TooLong { max } => {
            let message = format!("String should have at most {}", characters(*max));
            ("string_too_long", message, Some(("max_length", (*max).into())))
        }
        Problem::UnreadableBool => {
            plain("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        Problem::NotABool => plain("bool_type", "Input should be a valid boolean"),
        Problem::NotOneOf { expected } => {
            let context = Some(("expected", (*expected).into()));
            ("literal_error", format!("Input should be {expected}"), context)
        }
        Problem::NotAnEmail { reason } => {
            let message = format!("value is not a valid email address: {reason}");
            ("value_error", message, Some(("reason", reason.as_str().into())))
        }
        Problem::NotAnInteger => plain(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        Problem::Below { min } => {
            let message = format!("Input should be greater than or equal to {min}");
            ("greater_than_equal", message, Some(("ge", (*min).into())))
        }
        Problem::Above { max } => {
            let message = format!("Input should be less than or equal to {max}");
            ("less_than_equal", message, Some(("le", (*max).into())))
        }
        Problem::Value { reason } => (
            "value_error",
            format!("Value error, {reason}"),
            Some(("reason", reason.as_str().into())),
        ),
        Problem::Unexpected => plain("extra_forbidden", "Extra inputs are not permitted"),
    }
}

fn characters(count: usize) -> String {
    format!("{count} character{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        assert_eq!(whole_secs(Duration::from_millis(11_001)), 12);
        assert_eq!(whole_secs(Duration::from_secs(12)), 12);
    }

    #[test]
    fn an_internal_text_never_leaves() {
        let reply = reply(&Error::Internal("the secret is 42".into()));
        assert!(!format!("{reply:?}").contains("42"));
        assert_eq!(reply.status, 500);
    }
}
