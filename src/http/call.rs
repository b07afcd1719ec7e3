//! One request on its way to a handler: checked, and with its caller known.

use serde_json::Value;

use super::api::Api;
use super::fields::{Fields, masked};
use super::head::Head;
use super::query::{MAX_ID, integer};
use super::routes::BodyKind;
use crate::error::{Error, Problem, Result, Violation};
use crate::service::{Caller, Context, Service};

/// What a handler gets.
pub struct Call<'a> {
    pub api: &'a Api,
    pub cx: &'a Context,
    pub caller: Caller,
    pub head: &'a Head,
    /// What stands where the route's pattern has an id.
    pub parameter: Option<&'a str>,
    /// What follows the `?`, as it came.
    pub query: &'a str,
    /// Parsed where the route takes a body.
    pub body: Payload,
}

/// A body's JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// None was sent, or `null`.
    Absent,
    Json(Value),
}

impl Call<'_> {
    pub fn service(&self) -> &Service {
        self.api.service()
    }

    /// The body as an object.
    pub fn fields(&self) -> Result<Fields<'_>> {
        match &self.body {
            Payload::Json(Value::Object(object)) => Ok(Fields::of(object)),
            Payload::Json(other) => Err(body_problem(Problem::NotAnObject, masked("", other))),
            Payload::Absent => Err(body_problem(Problem::Missing, Value::Null)),
        }
    }

    /// The id in the path, which the pattern calls `name`.
    pub fn path_id(&self, name: &str) -> Result<u64> {
        let text = self.parameter.unwrap_or_default();
        integer(text, 1, MAX_ID).map_err(|problem| {
            let location = vec!["path".into(), name.into()];
            Error::Invalid(vec![Violation::new(location, problem, text.into())])
        })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }
}

/// Reads a body for a route that takes `kind`, as RFC 8259 has it; a byte order mark is
/// skipped and of a repeated key the last counts.
pub fn parse(kind: BodyKind, bytes: &[u8]) -> Result<Payload> {
    if kind == BodyKind::Unused || bytes.is_empty() {
        return Ok(Payload::Absent);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::Refused("There was an error parsing the body"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str(text) {
        Ok(Value::Null) => Ok(Payload::Absent),
        Ok(value) => Ok(Payload::Json(value)),
        Err(why) => Err(syntax_error(text, &why)),
    }
}

/// Whether a `Content-Type` is JSON: `application/json` or `…+json`, with or without
/// parameters.
pub fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((family, subtype)) = essence.split_once('/') else { return false };
    !family.is_empty()
        && (essence == "application/json" || (subtype.ends_with("+json") && subtype.len() > 5))
}

fn syntax_error(text: &str, why: &serde_json::Error) -> Error {
    let reason = why.to_string();
    // The place is told by `loc`, in characters; the library's own words tell lines.
    let reason = reason.split(" at line ").next().unwrap_or_default();
    Error::Invalid(vec![Violation {
        location: vec!["body".into(), crate::error::Segment::Index(offset(text, why, reason))],
        problem: Problem::JsonInvalid { why: reason.to_owned() },
        input: Value::Object(serde_json::Map::new()),
    }])
}

/// Where parsing stopped, in characters from 0. The library counts lines from 1 and
/// bytes of a line from 1, or 0 where the line has only begun.
fn offset(text: &str, why: &serde_json::Error, reason: &str) -> usize {
    let line_start: usize =
        text.split_inclusive('\n').take(why.line().saturating_sub(1)).map(str::len).sum();
    let column = if why.is_eof() { why.column() } else { why.column().saturating_sub(1) };
    let end = (line_start + column).min(text.len());
    let before = text.get(..end).unwrap_or(text);
    // A misspelt `true` or `nul` is wrong from its first letter on, not from its second.
    let in_word = matches!(reason, "expected ident" | "EOF while parsing a value");
    let before = match in_word {
        true => before.trim_end_matches(|c: char| c.is_ascii_alphabetic()),
        false => before,
    };
    before.chars().count()
}

fn body_problem(problem: Problem, input: Value) -> Error {
    Error::Invalid(vec![Violation::new(vec!["body".into()], problem, input)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops_at(text: &str) -> usize {
        let Err(Error::Invalid(faults)) = parse(BodyKind::Json, text.as_bytes()) else {
            panic!("{text} is JSON")
        };
        match faults[0].location[..] {
            [_, crate::error::Segment::Index(offset)] => offset,
            _ => panic!("no offset"),
        }
    }

    #[test]
    fn a_syntax_error_is_placed_in_characters() {
        assert_eq!(stops_at(r#"{"a": }"#), 6);
        assert_eq!(stops_at(r#"{"ä": }"#), 6);
        assert_eq!(stops_at("{\n \"ä\": x}"), 8);
        assert_eq!(stops_at(r#"{"a": "#), 6);
        assert_eq!(stops_at("{} x"), 3);
        assert_eq!(stops_at("not json"), 0);
        assert_eq!(stops_at(r#"{"a": nul"#), 6);
        assert_eq!(stops_at(r#"{"a": tru}"#), 6);
    }

    #[test]
    fn a_body_may_be_absent_or_marked_or_repeat_a_key() {
        assert_eq!(parse(BodyKind::Json, b"").unwrap(), Payload::Absent);
        assert_eq!(parse(BodyKind::Json, b"null").unwrap(), Payload::Absent);
        assert_eq!(parse(BodyKind::Unused, b"{").unwrap(), Payload::Absent);
        let marked = parse(BodyKind::Json, "\u{feff}{\"a\":1,\"a\":2}".as_bytes()).unwrap();
        assert_eq!(marked, Payload::Json(serde_json::json!({"a": 2})));
        assert!(matches!(parse(BodyKind::Json, b"\xff"), Err(Error::Refused(_))));
    }

    #[test]
    fn json_is_told_by_its_media_type() {
        for json in
            ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
        {
            assert!(is_json(json), "{json}");
        }
        for other in
            ["", "text/plain", "application/x-www-form-urlencoded", "json", "application/+json"]
        {
            assert!(!is_json(other), "{other}");
        }
    }
}
