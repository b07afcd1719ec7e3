//! Schemas of what is smaller than a body: ids, times, lax booleans, passwords.

use serde_json::{Value, json};
use utoipa::Number;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};

use crate::domain::event::EventType;
use crate::domain::webhook::WebhookUrl;
use crate::domain::{MAX_ID, MailKind, Password, Username, email};

/// `2025-10-07T05:58:11`; not the `date-time` of RFC 3339, for want of a zone.
const TIME: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$";

/// What [`crate::clock::Timestamp::parse`] reads: a day, or a day and a time, with an offset.
/// From 1970 on, with every leap day.
const MOMENT: &str = r"^((19[7-9][0-9]|[2-9][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|(19(7[26]|8[048]|9[26])|[2-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[3579][26])00)-02-29)(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?$";

/// All four kinds of characters that [`Password::parse`] asks for, in any order.
const PASSWORD: &str = r"^(?=[\s\S]*[A-Z])(?=[\s\S]*[a-z])(?=[\s\S]*[0-9])(?=[\s\S]*[!@#$%^&*()_+\-=\[\]{}|;:,.<>?])[\s\S]*$";

/// No control character, as Unicode has them.
const USERNAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

/// What [`crate::domain::EmailAddress::parse`] takes, but for the lengths of its parts.
const EMAIL: &str = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{0,61}[A-Za-z0-9])?)+$";

/// No control character, none that ends a line, and none that reorders others; something visible.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069][^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";
/// The same, or nothing.
const OPTIONAL_LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";
/// The same with line ends and tabs.
const NOTE: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";

/// 1 to 255 visible characters within quotes, or without: then a quote stands at the
/// beginning or at the end, but not at both.
const IDEMPOTENCY_KEY: &str = r#"^("[!-~]{1,255}"|[!#-~][!-~]{0,254}|"([!-~]{0,253}[!#-~])?)$"#;

/// From 1 to 2^63−1.
pub fn id() -> RefOr<Schema> {
    integer(1, MAX_ID).into()
}

pub fn integer(least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(least as usize))
        .maximum(Some(most as usize))
}

/// The `after` of the next page, or null.
pub fn next() -> RefOr<Schema> {
    let about = "What to give as `after` for the next page; null on the last.";
    id_or_null().description(Some(about)).into()
}

/// As [`next`], in lists that have it only where a `limit` was given.
pub fn next_where_paged() -> RefOr<Schema> {
    let about = "With `limit` only: what to give as `after` for the next page; null on the last.";
    id_or_null().description(Some(about)).into()
}

fn id_or_null() -> ObjectBuilder {
    integer(1, MAX_ID).schema_type(either(Type::Integer, Type::Null))
}

pub fn time() -> RefOr<Schema> {
    text(TIME).description(Some("UTC")).examples([json!("2025-10-07T05:58:11")]).into()
}

pub fn time_or_null() -> RefOr<Schema> {
    text(TIME).schema_type(either(Type::String, Type::Null)).description(Some("UTC")).into()
}

pub fn moment() -> RefOr<Schema> {
    text(MOMENT).examples([json!("2026-11-22"), json!("2026-11-22T10:00:00")]).into()
}

pub fn role() -> RefOr<Schema> {
    choice(["user", "admin"]).into()
}

/// A role that may be absent.
pub fn role_or_default() -> RefOr<Schema> {
    choice(["user", "admin"]).default(Some(json!("user"))).into()
}

pub fn choice<const N: usize>(words: [&str; N]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.map(Value::from)))
}

/// One of these words.
pub fn words(words: impl Iterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.map(Value::from).collect::<Vec<_>>()))
}

pub fn code(pattern: &str, about: &str) -> ObjectBuilder {
    text(pattern).description(Some(about))
}

/// What [`crate::clock::Timestamp::parse_rfc3339`] reads.
pub fn zoned_moment() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples([json!("2026-11-22T18:30:00Z")])
        .into()
}

pub fn api_key() -> RefOr<Schema> {
    text("^orderd_[A-Za-z0-9_-]{43}$").into()
}

/// `2026-11-22T16:07:44Z`
pub fn zoned_time() -> RefOr<Schema> {
    zoned_moment()
}

pub fn zoned_time_or_null() -> RefOr<Schema> {
    or_null(zoned_moment())
}

pub fn event_type() -> RefOr<Schema> {
    words(EventType::ALL.iter().map(|kind| kind.as_str())).into()
}

/// Some of the types of events.
pub fn list_of_event_types() -> ArrayBuilder {
    ArrayBuilder::new().items(event_type()).min_items(Some(1)).max_items(Some(EventType::ALL.len()))
}

pub fn event_types_or_null() -> RefOr<Schema> {
    or_null(list_of_event_types())
}

pub fn webhook_state() -> RefOr<Schema> {
    choice(["enabled", "disabled"]).into()
}

pub fn webhook_url() -> RefOr<Schema> {
    text("^[Hh][Tt][Tt][Pp][Ss]?://[^@#]+$")
        .max_length(Some(WebhookUrl::MAX_CHARS))
        .description(Some("https, or http to a private or loopback address; without a user."))
        .examples([json!("https://shop.example/orders")])
        .into()
}

pub fn http_status_or_null() -> RefOr<Schema> {
    integer(100, 599).schema_type(either(Type::Integer, Type::Null)).into()
}

/// Types of events, separated by commas.
pub fn event_types() -> ObjectBuilder {
    let words: Vec<_> =
        EventType::ALL.iter().map(|kind| kind.as_str().replace('.', "\\.")).collect();
    let words = words.join("|");
    text(&format!("^({words})(,({words}))*$")).examples([json!("order.created,order.ready")])
}

/// The id of an event, or 0 before the first.
pub fn position() -> RefOr<Schema> {
    integer(0, MAX_ID).into()
}

/// The id of a user, or null.
pub fn id_or_none() -> RefOr<Schema> {
    id_or_null().into()
}

pub fn mail_state() -> RefOr<Schema> {
    choice(["pending", "sent", "dead"]).into()
}

/// What a list may be asked for.
pub fn mail_states() -> RefOr<Schema> {
    choice(["pending", "sent", "dead", "all"]).into()
}

pub fn mail_kind() -> RefOr<Schema> {
    choice(MailKind::NAMES).into()
}

pub fn health_status() -> RefOr<Schema> {
    choice(["healthy", "unhealthy"]).into()
}

pub fn alive() -> RefOr<Schema> {
    choice(["alive"]).into()
}

pub fn readiness() -> RefOr<Schema> {
    choice(["ready", "unready"]).into()
}

pub fn bearer() -> RefOr<Schema> {
    choice(["bearer"]).into()
}

/// Where a fault is: `["body", "username"]`, or a place in characters.
pub fn location() -> RefOr<Schema> {
    let place = ObjectBuilder::new().schema_type(either(Type::String, Type::Integer));
    ArrayBuilder::new().items(place).into()
}

pub fn boolean() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).into()
}

/// The same, or null.
pub fn or_null(schema: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    AnyOfBuilder::new().item(schema).item(null).into()
}

/// One line that says something.
pub fn line(max: usize) -> ObjectBuilder {
    text(LINE).min_length(Some(1)).max_length(Some(max))
}

/// One line, which may be empty.
pub fn optional_line(max: usize) -> ObjectBuilder {
    text(OPTIONAL_LINE).max_length(Some(max))
}

/// A text of several lines.
pub fn note(max: usize) -> ObjectBuilder {
    text(NOTE).max_length(Some(max))
}

/// A number with at most three decimals.
pub fn decimal(least: f64, most: f64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(Number::Float(least)))
        .maximum(Some(Number::Float(most)))
        .multiple_of(Some(Number::Float(0.001)))
}

pub fn string() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// A text of so many characters.
pub fn string_of(least: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(least)).max_length(Some(most))
}

pub fn object() -> RefOr<Schema> {
    ObjectBuilder::new().into()
}

pub fn anything() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

/// A name that is to be given to a user.
pub fn username() -> RefOr<Schema> {
    text(USERNAME)
        .min_length(Some(1))
        .max_length(Some(Username::MAX_CHARS))
        .description(Some("Compared without case; no control characters."))
        .into()
}

/// A password that is to be set.
pub fn password() -> RefOr<Schema> {
    text(PASSWORD)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
        .min_length(Some(Password::MIN_CHARS))
        .max_length(Some(Password::MAX_CHARS))
        .description(Some(
            "An upper-case and a lower-case letter, a digit, and one of \
             `!@#$%^&*()_+-=[]{}|;:,.<>?`. Letters of other alphabets count too.",
        ))
        .into()
}

/// A password that is compared with one that was set.
pub fn known_password() -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Password);
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
}

pub fn email() -> RefOr<Schema> {
    text(EMAIL)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(email::MAX_CHARS))
        .into()
}

pub fn idempotency_key() -> RefOr<Schema> {
    text(IDEMPOTENCY_KEY).min_length(Some(1)).max_length(Some(257)).into()
}

/// A boolean as [`crate::api::inputs::lax_bool`] reads it.
pub fn lax_bool() -> RefOr<Schema> {
    let words = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(any_case(&[
            "true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0",
        ])))
        .description(Some("Without case: true, t, yes, y, on, 1; false, f, no, n, off, 0"));
    AnyOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Boolean))
        .item(ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([0, 1])))
        .item(words)
        .into()
}

/// `^([tT]|[oO][nN])$` for `t` and `on`: patterns here know no flag for case.
fn any_case(words: &[&str]) -> String {
    let either = |letter: char| match letter.is_ascii_alphabetic() {
        true => format!("[{letter}{}]", letter.to_ascii_uppercase()),
        false => letter.to_string(),
    };
    let words: Vec<String> = words.iter().map(|word| word.chars().map(either).collect()).collect();
    format!("^({})$", words.join("|"))
}

fn either(first: Type, second: Type) -> SchemaType {
    SchemaType::Array(vec![first, second])
}

pub fn text(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_every_case_of_its_words() {
        assert_eq!(any_case(&["on", "1"]), "^([oO][nN]|1)$");
    }
}
