//! Strings of an order. Each is trimmed, and has a bound in characters.

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::{order_schemas, schemas};
use crate::api::reader::{FromJson, Reader};
use crate::domain::order::content::Reference;
use crate::domain::{EmailAddress, text};
use crate::error::Problem;

/// One line that must say something.
#[derive(Debug)]
pub struct Line<const MAX: usize>(pub String);

/// One line; none where it is absent, null or empty.
#[derive(Debug)]
pub struct OptionalLine<const MAX: usize>(pub Option<String>);

/// A text of several lines; none where it is absent, null or empty.
#[derive(Debug)]
pub struct OptionalNote<const MAX: usize>(pub Option<String>);

impl<const MAX: usize> FromJson for Line<MAX> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let line = reader.parsed(value, |text| match text::line(text, MAX)? {
            empty if empty.is_empty() => Err(Problem::TooShort { min: 1 }),
            line => Ok(line),
        })?;
        Some(Line(line))
    }

    fn describe() -> RefOr<Schema> {
        schemas::line(MAX).into()
    }
}

impl<const MAX: usize> FromJson for OptionalLine<MAX> {
    fn absent() -> Option<Self> {
        Some(OptionalLine(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        optional(value, reader, |text| text::line(text, MAX)).map(OptionalLine)
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::optional_line(MAX))
    }
}

impl<const MAX: usize> FromJson for OptionalNote<MAX> {
    fn absent() -> Option<Self> {
        Some(OptionalNote(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        optional(value, reader, |text| text::note(text, MAX)).map(OptionalNote)
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::note(MAX))
    }
}

impl FromJson for Reference {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        reader.parsed(value, reference)
    }

    fn describe() -> RefOr<Schema> {
        order_schemas::reference()
    }
}

/// The client's own number; none where it is absent, null or empty.
#[derive(Debug)]
pub struct OptionalReference(pub Option<Reference>);

impl FromJson for OptionalReference {
    fn absent() -> Option<Self> {
        Some(OptionalReference(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(OptionalReference(None)),
            Value::String(text) if text.trim().is_empty() => Some(OptionalReference(None)),
            value => Reference::read(value, reader).map(|it| OptionalReference(Some(it))),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(order_schemas::reference())
    }
}

/// An email address; none where it is absent, null or empty.
#[derive(Debug)]
pub struct OptionalEmail(pub Option<EmailAddress>);

impl FromJson for OptionalEmail {
    fn absent() -> Option<Self> {
        Some(OptionalEmail(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(OptionalEmail(None)),
            Value::String(text) if text.trim().is_empty() => Some(OptionalEmail(None)),
            value => EmailAddress::read(value, reader).map(|it| OptionalEmail(Some(it))),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::email())
    }
}

/// # Errors
/// Its length, or a character that is not visible ASCII.
pub fn reference(text: &str) -> Result<Reference, Problem> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Problem::TooShort { min: 1 }),
        1..=Reference::MAX_CHARS => Reference::parse(text).ok_or_else(|| {
            let reason = "Only visible ASCII characters are allowed".to_owned();
            Problem::Value { reason }
        }),
        _ => Err(Problem::TooLong { max: Reference::MAX_CHARS }),
    }
}

fn optional(
    value: &Value,
    reader: &mut Reader<'_>,
    parse: impl FnOnce(&str) -> Result<String, Problem>,
) -> Option<Option<String>> {
    if value.is_null() {
        return Some(None);
    }
    reader.parsed(value, parse).map(|text| Some(text).filter(|text| !text.is_empty()))
}
