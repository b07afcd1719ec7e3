//! A body's JSON, and a new user's fields: read without a panic, a syntax error placed within
//! the text, every field taken or told as a fault, no password given back, and nothing let
//! into an email address that could reach an SMTP command.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orderd::api::accounts::RegisterRequest;
use orderd::api::json;
use orderd::error::{Error, Problem, Segment, Violation};
use orderd_fuzz::bodies::{read, render};
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    json::is_json(&String::from_utf8_lossy(data));
    match json::parse(data) {
        Ok(body) => {
            assert!(data.is_empty() || is_json(data));
            if let Some(new) = read::<RegisterRequest>(body.as_ref(), data) {
                check_new_user(&new);
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

/// By another way: numbers of any size are JSON, and the library has no value for some of them.
/// (It builds one to see what else it doesn't take: lone surrogates, deep nesting.)
fn is_json(data: &[u8]) -> bool {
    let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
        && serde_json::from_slice::<Value>(&with_zeros(text)).is_ok()
}

/// A text that is JSON, with a 0 for each number.
fn with_zeros(json: &[u8]) -> Vec<u8> {
    let (mut in_text, mut is_escaped, mut in_number) = (false, false, false);
    let mut zeros = Vec::with_capacity(json.len());
    for byte in json {
        in_number = match byte {
            b'0'..=b'9' | b'-' => !in_text,
            b'.' | b'e' | b'E' | b'+' => in_number,
            _ => false,
        };
        match in_number {
            true if zeros.last() == Some(&b'0') => {}
            true => zeros.push(b'0'),
            false => zeros.push(*byte),
        }
        (in_text, is_escaped) = match byte {
            _ if is_escaped => (in_text, false),
            b'\\' => (in_text, true),
            b'"' => (!in_text, false),
            _ => (in_text, false),
        };
    }
    zeros
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

fn check_new_user(new: &RegisterRequest) {
    check_email(new.email.as_str());
    let username = new.username.as_str();
    assert!((1..=64).contains(&username.chars().count()));
    assert!(!username.chars().any(char::is_control));
    if let Ok(password) = new.password.check() {
        assert!((8..=128).contains(&password.as_str().chars().count()));
    }
}

fn check_email(address: &str) {
    assert!(address.len() <= 254);
    assert!(address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte)));
    let (local, domain) = address.split_once('@').expect("no @");
    assert!(!local.is_empty() && domain.contains('.') && !domain.contains('@'));
}
