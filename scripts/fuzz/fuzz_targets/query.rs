//! Target, path and query: read without a panic, integers as a second reader reads them,
//! and every parameter either taken once or told as a fault, up to their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orderd::api::errors::{ErrorFormat, ErrorResponse};
use orderd::api::query::Query;
use orderd::api::routing::{self, Found, decode_path, split_target, to_other_slash};
use orderd::clock::Timestamp;
use orderd::domain::MAX_ID;
use orderd::error::{Error, Problem, Segment};
use orderd::http::protocol::target;

const KNOWN: [&str; 5] = ["limit", "after", "order", "success", "created_from"];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(target) = target::parse("GET", text) else { return };
    let (path, query) = split_target(target);
    find_route(path);
    read_query(query);
});

/// A route that is found stays found with its last slash toggled, or is one of two.
fn find_route(path: &str) {
    let other = resolve(path, &to_other_slash(path));
    let path = decode_path(path);
    for method in ["GET", "HEAD", "POST", "BREW"] {
        match routing::find(method, &path) {
            Found::Route { parameter: Some(parameter), .. } => {
                assert!(!parameter.is_empty() && !parameter.contains('/'));
            }
            Found::OtherSlash => {
                let other = decode_path(&other);
                assert_eq!(other.trim_end_matches('/'), path.trim_end_matches('/'));
                let found = routing::find(method, &other);
                assert!(!matches!(found, Found::OtherSlash | Found::Nothing));
            }
            _ => {}
        }
    }
}

/// What a client makes of a reference that begins with one or two dots (RFC 3986, 5.2).
fn resolve(path: &str, reference: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match reference.strip_prefix("../") {
        Some(rest) => {
            format!("{}/{rest}", folder.rsplit_once('/').map_or("", |(above, _)| above))
        }
        None => format!("{folder}/{}", reference.strip_prefix("./").unwrap()),
    }
}

/// The bounds of `api::query` and `api::faults`: past the first, one fault stands for all.
const MOST_PARAMETERS: usize = 100;
const MOST_TOLD: usize = 16;

fn read_query(text: &str) {
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    if pairs.len() > MOST_PARAMETERS {
        let Err(Error::Invalid(faults)) = Query::of(text, &KNOWN).check() else {
            panic!("too many parameters were taken");
        };
        return assert_eq!(faults.len(), 1);
    }
    let mut query = Query::of(text, &KNOWN);
    let limit = query.integer("limit", 1, 1000);
    let after = query.integer("after", 1, MAX_ID);
    let order = query.choice("order", "'asc' or 'desc'", |text| match text {
        "asc" | "desc" => Some(text.to_owned()),
        _ => None,
    });
    let success = query.boolean("success");
    let from = query.parsed("created_from", |text| {
        Timestamp::parse(text).ok_or(Problem::Value { reason: "no moment".into() })
    });
    let first = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| &*pair.1);
    assert_eq!(limit, first("limit").and_then(|text| integer(text, 1000)));
    assert_eq!(after, first("after").and_then(|text| integer(text, MAX_ID)));
    let taken = [limit.is_some(), after.is_some(), order.is_some(), success.is_some()];
    let taken = taken.iter().filter(|taken| **taken).count() + usize::from(from.is_some());
    match query.check() {
        Ok(()) => assert_eq!(taken, pairs.len()),
        Err(Error::Invalid(faults)) => {
            assert_eq!(faults.len(), (pairs.len() - taken).min(MOST_TOLD));
            for fault in &faults {
                let [Segment::Name(place), Segment::Name(name)] = &fault.location[..] else {
                    panic!("a fault without its place");
                };
                assert_eq!(place, "query");
                assert!(pairs.iter().any(|pair| pair.0 == name.as_str()));
            }
            let error = Error::Invalid(faults);
            let response = ErrorResponse::from(&error).render(ErrorFormat::Plain, "id");
            assert_eq!(response.status, 422);
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// From 1 to `most`, read one digit after the other.
fn integer(text: &str, most: u64) -> Option<u64> {
    let number = text.bytes().try_fold(0u128, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u128::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })?;
    u64::try_from(number).ok().filter(|number| !text.is_empty() && (1..=most).contains(number))
}
