//! A body's JSON and its fields: read without a panic, a syntax error placed within the
//! text, every field taken or told as a fault, no password given back, and nothing let
//! into an email address that could reach an SMTP command.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orderd::domain::{EmailAddress, Password, Role, Username};
use orderd::error::{Error, Problem, Segment, Violation};
use orderd::http::call::{self, Payload};
use orderd::http::errors;
use orderd::http::fields::Fields;
use orderd::http::reply::Body;
use orderd::http::routes::BodyKind;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    call::is_json(&String::from_utf8_lossy(data));
    assert_eq!(call::parse(BodyKind::Unused, data).ok(), Some(Payload::Absent));
    match call::parse(BodyKind::Json, data) {
        Ok(payload) => {
            assert!(data.is_empty() || is_json(data));
            if let Payload::Json(Value::Object(object)) = &payload {
                read_fields(object);
            }
        }
        Err(Error::Invalid(faults)) => {
            assert!(!is_json(data));
            check_place(data, &faults);
            render(&Error::Invalid(faults));
        }
        Err(Error::Refused(_)) => assert!(std::str::from_utf8(data).is_err()),
        Err(other) => panic!("{other:?}"),
    }
});

/// Read without building a value; deeper nesting than the library takes counts as no JSON.
fn is_json(data: &[u8]) -> bool {
    let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
        && serde_json::from_slice::<Value>(text).is_ok()
}

fn check_place(data: &[u8], faults: &[Violation]) {
    let [Violation { location, problem: Problem::JsonInvalid { .. }, .. }] = faults else {
        panic!("{faults:?}");
    };
    let [Segment::Name(body), Segment::Index(offset)] = &location[..] else {
        panic!("{location:?}");
    };
    let characters = String::from_utf8_lossy(data).chars().count();
    assert!(body == "body" && *offset <= characters, "{offset} of {characters}");
}

fn read_fields(object: &Map<String, Value>) {
    let mut fields = Fields::of(object);
    let username = fields.parsed("username", Username::parse);
    let email = fields.parsed("email", EmailAddress::parse);
    let password = fields.string("password");
    let role = fields.choice("role", Role::User, Role::EXPECTED, Role::parse);
    let success = fields.lax_bool("success");
    if let Some(email) = &email {
        check_email(email.as_str());
    }
    if let Some(username) = &username {
        assert!((1..=64).contains(&username.as_str().chars().count()));
        assert!(!username.as_str().chars().any(char::is_control));
    }
    if let Some(set) = password.and_then(Password::parse) {
        assert!((8..=128).contains(&set.as_str().chars().count()));
    }
    let taken = [username.is_some(), email.is_some(), password.is_some(), role.is_some()];
    let missed = 5 - taken.iter().filter(|taken| **taken).count() - usize::from(success.is_some());
    match fields.check() {
        Ok(()) => assert_eq!(missed, 0),
        Err(Error::Invalid(faults)) => {
            assert_eq!(missed, faults.len());
            faults.iter().for_each(|fault| check_masked("", &fault.input));
            render(&Error::Invalid(faults));
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn check_email(address: &str) {
    assert!(address.len() <= 254);
    assert!(address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte)));
    let (local, domain) = address.split_once('@').expect("no @");
    assert!(!local.is_empty() && domain.contains('.') && !domain.contains('@'));
}

/// No value stands under a name with `password` in it, however deep.
fn check_masked(name: &str, value: &Value) {
    if name.to_lowercase().contains("password") {
        assert_eq!(value, "**********");
    }
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| check_masked(name, value));
        }
        Value::Array(items) => items.iter().for_each(|item| check_masked("", item)),
        _ => {}
    }
}

/// The answer is JSON that can be read back.
fn render(error: &Error) {
    let reply = errors::reply(error);
    assert_eq!(reply.status, 422);
    let Body::Bytes(bytes) = &reply.body else { panic!("a streamed error") };
    assert!(serde_json::from_slice::<Value>(bytes).is_ok_and(|body| body["detail"].is_array()));
}
