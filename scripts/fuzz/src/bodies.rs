//! Reading bodies, with what is true of every one.

use orderd::api::errors::{ErrorFormat, ErrorResponse};
use orderd::api::reader::{FromJson, Reader};
use orderd::clock::Timestamp;
use orderd::error::Error;
use orderd::http::Body;
use serde_json::Value;

/// So many faults are told at once.
const MAX_FAULTS: usize = 16;

/// A body is read, or has faults that give no password back. `text` is the body unparsed.
pub fn read<T: FromJson>(body: Option<&Value>, text: &[u8]) -> Option<T> {
    match Reader::read::<T>(body, text, Timestamp::EPOCH) {
        Ok(read) => Some(read),
        Err(Error::Invalid(faults)) => {
            assert!((1..=MAX_FAULTS).contains(&faults.len()));
            faults.iter().for_each(|fault| check_masked("", &fault.input));
            render(&Error::Invalid(faults));
            None
        }
        Err(other) => panic!("{other:?}"),
    }
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

/// The response is JSON that can be read back, in either format.
pub fn render(error: &Error) {
    for (format, faults) in [(ErrorFormat::Plain, "detail"), (ErrorFormat::Problem, "errors")] {
        let response = ErrorResponse::from(error).render(format, "id");
        assert_eq!(response.status, 422);
        let Body::Bytes(bytes) = &response.body else { panic!("a streamed error") };
        assert!(serde_json::from_slice::<Value>(bytes).is_ok_and(|body| body[faults].is_array()));
    }
}
