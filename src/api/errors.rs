//! Errors as the wire has them: the one place that knows their statuses and words.
//!
//! Everything that goes wrong becomes an [`ErrorResponse`], and is rendered once, in the format
//! that the client asks for.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::fault_body::FaultBody;
use super::openapi::{order_schemas, schemas};
use super::{accept, json};
use crate::error::{Conflict, Error, Fact, Gone, Problem, Unauthenticated, Unavailable, Violation};
use crate::http::{Field, Head, Response, reason_phrase};
use crate::limiter::Rate;

/// An error on its way to the wire.
pub struct ErrorResponse<'e> {
    status: u16,
    detail: Detail<'e>,
    headers: Vec<(&'static str, Cow<'static, str>)>,
}

enum Detail<'e> {
    Text(&'static str),
    RateLimited(String),
    /// A text, and what a program needs to go on.
    Facts(&'e str, Facts<'e>),
    Faults(Cow<'e, [Violation]>),
}

/// How the client wants errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `{"detail": …}`, as the old service has them.
    Plain,
    /// Problem details (RFC 9457).
    Problem,
}

const GONE: &str = "Not all since then is kept here; begin again";

const PROBLEM_TYPE: &str = "application/problem+json";

impl ErrorFormat {
    pub fn wanted_by(head: &Head) -> ErrorFormat {
        match head.field(Field::Accept) {
            Some(accept) if accept::names(accept, PROBLEM_TYPE) => ErrorFormat::Problem,
            _ => ErrorFormat::Plain,
        }
    }
}

impl<'e> ErrorResponse<'e> {
    pub fn new(status: u16, text: &'static str) -> ErrorResponse<'e> {
        ErrorResponse { status, detail: Detail::Text(text), headers: Vec::new() }
    }

    fn invalid(faults: impl Into<Cow<'e, [Violation]>>) -> ErrorResponse<'e> {
        let detail = Detail::Faults(faults.into());
        ErrorResponse { status: 422, detail, headers: Vec::new() }
    }

    pub fn header(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> ErrorResponse<'e> {
        self.headers.push((name, value.into()));
        self
    }

    fn retry_after(self, wait: Duration) -> ErrorResponse<'e> {
        self.header("Retry-After", whole_secs(wait).to_string())
    }

    /// `request_id` is told in problem details.
    pub fn render(&self, format: ErrorFormat, request_id: &str) -> Response {
        let mut response = match format {
            ErrorFormat::Plain => self.render_plain(),
            ErrorFormat::Problem => self.render_problem(request_id),
        };
        response.headers.extend(self.headers.iter().cloned());
        response
    }

    fn render_plain(&self) -> Response {
        match &self.detail {
            Detail::Text(detail) => {
                json::response(self.status, &ErrorBody { detail, facts: Facts::default() })
            }
            Detail::RateLimited(text) => {
                json::response(self.status, &RateLimitedBody { error: text, detail: text })
            }
            Detail::Facts(detail, facts) => {
                json::response(self.status, &ErrorBody { detail, facts: *facts })
            }
            Detail::Faults(faults) => {
                let detail = faults.iter().map(FaultBody::from).collect();
                json::response(self.status, &InvalidBody { detail })
            }
        }
    }

    fn render_problem(&self, instance: &str) -> Response {
        let mut facts = Facts::default();
        let (detail, errors): (Cow<'_, str>, _) = match &self.detail {
            Detail::Text(text) => ((*text).into(), None),
            Detail::RateLimited(text) => (text.as_str().into(), None),
            Detail::Facts(text, known) => {
                facts = *known;
                ((*text).into(), None)
            }
            Detail::Faults(faults) => {
                let plural = if faults.len() == 1 { "" } else { "s" };
                let summary = format!("{} invalid value{plural}", faults.len());
                (summary.into(), Some(faults.iter().map(FaultBody::from).collect()))
            }
        };
        let body = ProblemBody {
            kind: "about:blank",
            title: reason_phrase(self.status),
            status: self.status,
            detail: &detail,
            errors,
            instance,
            facts,
        };
        let mut response = json::response(self.status, &body);
        response.headers = vec![("Content-Type", PROBLEM_TYPE.into())];
        response
    }
}

impl<'e> From<&'e Error> for ErrorResponse<'e> {
    fn from(error: &'e Error) -> ErrorResponse<'e> {
        match error {
            Error::Invalid(faults) => ErrorResponse::invalid(faults),
            Error::KeyReused { key } => {
                let reason = "This key was used for another order".to_owned();
                let location = vec!["header".into(), "idempotency-key".into()];
                let problem = Problem::Value { reason };
                ErrorResponse::invalid(vec![Violation::new(location, problem, key.as_str().into())])
            }
            Error::Refused(why) => ErrorResponse::new(400, why),
            Error::Unauthenticated(why) => {
                let text = match why {
                    Unauthenticated::Missing => "Not authenticated",
                    Unauthenticated::BadToken => "Could not validate credentials",
                    Unauthenticated::BadCredentials => "Incorrect username or password",
                };
                ErrorResponse::new(401, text).header("WWW-Authenticate", "Bearer")
            }
            Error::Forbidden(why) => ErrorResponse::new(403, why),
            Error::NotFound => ErrorResponse::new(404, "Not Found"),
            Error::Conflict(Conflict { why, fact }) => {
                let detail = Detail::Facts(why, fact.map(Facts::from).unwrap_or_default());
                ErrorResponse { status: 409, detail, headers: Vec::new() }
            }
            Error::Gone(Gone { oldest, source }) => {
                let (oldest, source) = (Some(*oldest), Some(source.as_str()));
                let detail = Detail::Facts(GONE, Facts { oldest, source, ..Facts::default() });
                ErrorResponse { status: 410, detail, headers: Vec::new() }
            }
            Error::PreconditionFailed => ErrorResponse::new(412, "Precondition Failed"),
            Error::RateLimited(limited) => {
                let rate = Rate { requests: limited.requests, window: limited.window };
                let text = format!("Rate limit exceeded: {}", rate.describe());
                let detail = Detail::RateLimited(text);
                ErrorResponse { status: 429, detail, headers: Vec::new() }
                    .retry_after(limited.retry_after)
            }
            Error::Unavailable(Unavailable::Busy { retry_after, .. }) => {
                ErrorResponse::new(503, "Service Unavailable").retry_after(*retry_after)
            }
            Error::Unavailable(Unavailable::OutcomeUnknown) => {
                ErrorResponse::new(503, "The outcome is unknown")
            }
            Error::Internal(_) => ErrorResponse::new(500, "Internal Server Error"),
        }
    }
}

/// Rounded up: who waits that long finds a token.
pub fn whole_secs(duration: std::time::Duration) -> u64 {
    duration.as_nanos().div_ceil(1_000_000_000) as u64
}

#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody<'e> {
    detail: &'e str,
    #[serde(flatten)]
    #[schema(ignore)]
    facts: Facts<'e>,
}

/// What a program needs to go on after some conflicts, and where the feed doesn't reach.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Facts<'e> {
    /// The order that has the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::id, required = false)]
    order_id: Option<u64>,
    /// What may still be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = order_schemas::amount, required = false)]
    due: Option<u64>,
    /// What may still be given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = order_schemas::amount, required = false)]
    refundable: Option<u64>,
    /// The first event that is kept, or will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::id, required = false)]
    oldest: Option<u64>,
    /// Whose history the feed is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    source: Option<&'e str>,
}

impl From<Fact> for Facts<'_> {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::OrderId(id) => Facts { order_id: Some(id), ..Facts::default() },
            Fact::Due(amount) => Facts { due: Some(amount), ..Facts::default() },
            Fact::Refundable(amount) => Facts { refundable: Some(amount), ..Facts::default() },
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = RateLimited)]
pub struct RateLimitedBody<'e> {
    error: &'e str,
    detail: &'e str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Invalid)]
pub struct InvalidBody<'e> {
    detail: Vec<FaultBody<'e>>,
}

/// Problem details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'e> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<Vec<FaultBody<'e>>>,
    /// The request's id.
    instance: &'e str,
    /// What a program needs to go on, by its name, as in a conflict without problem details.
    #[serde(flatten)]
    #[schema(ignore)]
    facts: Facts<'e>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::http::Body;

    fn json_of(response: &Response) -> Value {
        let Body::Bytes(bytes) = &response.body else { panic!("no body") };
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        assert_eq!(whole_secs(Duration::from_millis(11_001)), 12);
        assert_eq!(whole_secs(Duration::from_secs(12)), 12);
    }

    #[test]
    fn an_internal_text_never_leaves() {
        let error = Error::Internal("the secret is 42".into());
        for format in [ErrorFormat::Plain, ErrorFormat::Problem] {
            let response = ErrorResponse::from(&error).render(format, "id");
            assert!(!json_of(&response).to_string().contains("42"));
            assert_eq!(response.status, 500);
        }
    }

    #[test]
    fn an_error_keeps_its_status_and_headers_as_a_problem() {
        let error = ErrorResponse::new(404, "Not Found").header("Allow", "GET");
        let response = error.render(ErrorFormat::Problem, "abc-1");
        let expected = json!({"type": "about:blank", "title": "Not Found", "status": 404,
            "detail": "Not Found", "instance": "abc-1"});
        assert_eq!((response.status, json_of(&response)), (404, expected));
        assert!(response.headers.contains(&("Allow", "GET".into())));
        assert!(response.headers.contains(&("Content-Type", PROBLEM_TYPE.into())));
    }
}
