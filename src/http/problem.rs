//! Errors as RFC 9457 has them, for clients that ask for `application/problem+json`.

use serde_json::{Map, Value, json};
use tiny_http::StatusCode;

use super::response::{Body, Response};

const MEDIA_TYPE: &str = "application/problem+json";

/// Whether an `Accept` names the media type; a wildcard doesn't.
pub fn is_wanted(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|media| media.eq_ignore_ascii_case(MEDIA_TYPE));
        let refused = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|weight| weight.parse::<f32>() == Ok(0.0))
        });
        named && !refused
    })
}

/// The same error as a problem; an answer that is no error stays as it is. `instance` is
/// the request's id.
pub fn of(response: Response, instance: &str) -> Response {
    let is_json = response
        .headers
        .iter()
        .any(|(name, value)| *name == "Content-Type" && value.as_ref() == "application/json");
    let (400.., true, Body::Bytes(bytes)) = (response.status, is_json, &response.body) else {
        return response;
    };
    let Ok(Value::Object(mut old)) = serde_json::from_slice(bytes) else { return response };
    let Some(detail) = old.remove("detail") else { return response };
    let mut headers = response.headers;
    headers.retain(|(name, _)| *name != "Content-Type");
    let body = problem(response.status, detail, instance).to_string().into_bytes();
    Response { status: response.status, headers, body: Body::Empty }
        .header("Content-Type", MEDIA_TYPE)
        .bytes(body)
}

fn problem(status: u16, detail: Value, instance: &str) -> Value {
    let mut problem = Map::new();
    problem.insert("type".into(), "about:blank".into());
    problem.insert("title".into(), StatusCode(status).default_reason_phrase().into());
    problem.insert("status".into(), status.into());
    match detail {
        Value::Array(errors) => {
            let count = errors.len();
            let plural = if count == 1 { "" } else { "s" };
            problem.insert("detail".into(), format!("{count} invalid value{plural}").into());
            problem.insert("errors".into(), errors.into());
        }
        text => {
            problem.insert("detail".into(), text);
        }
    }
    problem.insert("instance".into(), json!(instance));
    Value::Object(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_must_be_asked_for_by_name() {
        assert!(is_wanted("application/json, application/problem+json;q=0.5"));
        for other in
            ["*/*", "application/*", "application/json", "", "application/problem+json;q=0"]
        {
            assert!(!is_wanted(other), "{other}");
        }
    }

    #[test]
    fn an_error_keeps_its_status_and_headers_as_a_problem() {
        let response = of(Response::detail(404, "Not Found").header("Allow", "GET"), "abc-1");
        let Body::Bytes(bytes) = &response.body else { panic!("no body") };
        let body: Value = serde_json::from_slice(bytes).unwrap();
        let expected = json!({"type": "about:blank", "title": "Not Found", "status": 404,
            "detail": "Not Found", "instance": "abc-1"});
        assert_eq!((response.status, body), (404, expected));
        assert!(response.headers.contains(&("Allow", "GET".into())));
    }

    #[test]
    fn an_answer_that_is_no_error_stays() {
        let Body::Bytes(bytes) = of(Response::json(200, b"{}".to_vec()), "x").body else {
            panic!("no body")
        };
        assert_eq!(bytes, b"{}".as_slice());
    }
}
