//! Numbers as they were written, where a float doesn't hold them exactly.
//!
//! A parsed body has its fractions as doubles. One with up to 15 significant digits comes out of a
//! double as it went in; a longer one doesn't, and is looked up in the body itself.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// A step into a body.
#[derive(Clone)]
pub enum Step {
    Field(&'static str),
    /// One that the client has named.
    Key(String),
    Item(usize),
}

/// Significant digits that a double always keeps.
const EXACT_DIGITS: usize = 15;
/// An exponent with so many digits may lead out of a double's range.
const LARGE_EXPONENT_DIGITS: usize = 3;

/// The number at that place of the body, if some number of the body may not be held exactly.
pub fn find(body: &[u8], path: &[Step]) -> Option<String> {
    if !has_long_number(body) {
        return None;
    }
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut value: &RawValue = serde_json::from_slice(body).ok()?;
    for step in path {
        let text = value.get();
        value = match step {
            Step::Item(index) => *serde_json::from_str::<Vec<&RawValue>>(text).ok()?.get(*index)?,
            Step::Field(name) => field(text, name)?,
            Step::Key(name) => field(text, name)?,
        };
    }
    Some(value.get().trim().to_owned())
}

/// Of a repeated name the last counts, as where the body was parsed.
fn field<'t>(object: &'t str, name: &str) -> Option<&'t RawValue> {
    serde_json::from_str::<HashMap<String, &'t RawValue>>(object).ok()?.remove(name)
}

/// Whether something in the body looks like such a number, be it within a string.
fn has_long_number(body: &[u8]) -> bool {
    let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    body.split(|byte| !is_of_number(byte)).any(|run| {
        let mut parts = run.split(|byte| matches!(byte, b'e' | b'E'));
        let digits = |part: Option<&[u8]>| {
            part.unwrap_or_default().iter().filter(|byte| byte.is_ascii_digit()).count()
        };
        digits(parts.next()) > EXACT_DIGITS || digits(parts.next()) >= LARGE_EXPONENT_DIGITS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_number_is_found_at_its_place() {
        let body =
            br#"{"a": [0, {"b\u0020": 1.0000000000000000001, "c": 2, "c": 1e-400}], "d": 1.5}"#;
        let at = |path: &[Step]| find(body, path);
        let key = |name: &str| Step::Key(name.to_owned());
        let b = [Step::Field("a"), Step::Item(1), key("b ")];
        assert_eq!(at(&b).as_deref(), Some("1.0000000000000000001"));
        assert_eq!(at(&[Step::Field("a"), Step::Item(1), key("c")]).as_deref(), Some("1e-400"));
        assert_eq!(at(&[Step::Field("d")]).as_deref(), Some("1.5"));
        assert_eq!(at(&[Step::Field("a"), Step::Item(2)]), None);
    }

    #[test]
    fn a_body_of_short_numbers_is_not_looked_through() {
        for short in ["[123456789.012345, -1.5e30, 0]", "{}", "[]"] {
            assert!(!has_long_number(short.as_bytes()), "{short}");
        }
        for long in ["[1234567890.1234567]", "[1e-400]", "[1E+308]", "[0.12345678901234567]"] {
            assert!(has_long_number(long.as_bytes()), "{long}");
        }
    }
}
