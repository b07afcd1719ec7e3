//! JSON bodies: read as RFC 8259 has them, and written compact.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Problem, Result, Segment, Violation};
use crate::http::Response;

/// A response with that body.
pub fn response(status: u16, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => Response::json(status, bytes),
        Err(why) => {
            log::error!("a response could not be written: {why}");
            Response::detail(500, "Internal Server Error")
        }
    }
}

/// Parses a body; `None` where there is none, or `null`. A byte order mark is skipped, and of
/// a repeated key the last counts.
pub fn parse(bytes: &[u8]) -> Result<Option<Value>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::Refused("There was an error parsing the body"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = match serde_json::from_str(text) {
        Err(why) if why.to_string().starts_with(OUT_OF_RANGE) => {
            serde_json::from_str(&within_range(text))
        }
        parsed => parsed,
    };
    match parsed {
        Ok(Value::Null) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(why) => Err(syntax_error(text, &why)),
    }
}

/// What the library says of a number that no double can hold.
const OUT_OF_RANGE: &str = "number out of range";

/// The same text with every number that may be out of a double's range made one of the largest, so
/// that it is judged by its bounds like any other: 1e400 is valid JSON (RFC 8259, 6).
fn within_range(text: &str) -> String {
    const LARGEST: &str = "1e308";
    const MAX_LEN: usize = 300;
    let (mut fitted, mut in_string, mut rest) = (String::with_capacity(text.len()), false, text);
    while let Some(next) = rest.chars().next() {
        let of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        let len = match next {
            '\\' if in_string => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            _ if in_string || !next.is_ascii_digit() => next.len_utf8(),
            _ => rest.find(|c| !of_number(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(len);
        in_string ^= token == "\"";
        let is_large = token.len() > MAX_LEN || token.parse().is_ok_and(f64::is_infinite);
        fitted.push_str(if !in_string && is_large { LARGEST } else { token });
        rest = after;
    }
    fitted
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
        location: vec!["body".into(), Segment::Index(offset(text, why, reason))],
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stops_at(text: &str) -> usize {
        let Err(Error::Invalid(faults)) = parse(text.as_bytes()) else { panic!("{text} is JSON") };
        match faults[0].location[..] {
            [_, Segment::Index(offset)] => offset,
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
    fn a_number_out_of_range_is_a_large_one() {
        let long = "9".repeat(400);
        let text = format!(r#"{{"a": -1e400, "b\"1e400": [{long}, 5e-400, 1.5], "c": "1e400"}}"#);
        let parsed = parse(text.as_bytes()).unwrap().unwrap();
        let expected = r#"{"a": -1e308, "b\"1e400": [1e308, 0.0, 1.5], "c": "1e400"}"#;
        assert_eq!(parsed, serde_json::from_str::<Value>(expected).unwrap());
        assert_eq!(stops_at("[1e400, x]"), 8);
    }

    #[test]
    fn a_body_may_be_absent_or_marked_or_repeat_a_key() {
        assert_eq!(parse(b"").unwrap(), None);
        assert_eq!(parse(b"null").unwrap(), None);
        let marked = parse("\u{feff}{\"a\":1,\"a\":2}".as_bytes()).unwrap();
        assert_eq!(marked, Some(serde_json::json!({"a": 2})));
        assert!(matches!(parse(b"\xff"), Err(Error::Refused(_))));
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
