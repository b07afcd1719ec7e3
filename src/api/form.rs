//! Bodies as HTML forms and OAuth2 send them: `username=ann&password=…`.

use serde_json::Value;

use crate::error::{Error, Result};

/// Its media type.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Reads the fields as one object of strings, so that whatever reads JSON reads a form, too. Of a
/// repeated field the last counts.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    std::str::from_utf8(bytes)
        .map_err(|_| Error::Refused("There was an error parsing the body"))?;
    let fields = form_urlencoded::parse(bytes);
    let fields = fields.map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    Ok(Value::Object(fields.collect()))
}

/// Whether a `Content-Type` is a form's, with or without parameters.
pub fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(FORM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_is_an_object_of_strings_and_of_a_repeated_field_the_last_counts() {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        assert_eq!(read(""), json!({}));
        assert_eq!(read("a=1&b=x%20y+z&a=%C3%A4"), json!({"a": "\u{e4}", "b": "x y z"}));
        assert!(matches!(parse(b"a=\xff"), Err(Error::Refused(_))));
    }

    #[test]
    fn a_form_is_told_by_its_media_type() {
        assert!(is_form(FORM) && is_form("Application/X-WWW-Form-Urlencoded; charset=utf-8"));
        assert!(!is_form("multipart/form-data; boundary=x") && !is_form("application/json"));
    }
}
