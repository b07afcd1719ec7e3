//! Moments, as RFC 3339 has them.

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use crate::api::openapi::schemas;
use crate::api::reader::{FromJson, Reader};
use crate::clock::Timestamp;
use crate::error::Problem;

/// A moment in whole seconds; none where it is absent, null or empty.
#[derive(Debug)]
pub struct OptionalMoment(pub Option<Timestamp>);

impl FromJson for OptionalMoment {
    fn absent() -> Option<OptionalMoment> {
        Some(OptionalMoment(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<OptionalMoment> {
        if value.is_null() {
            return OptionalMoment::absent();
        }
        let moment = reader.parsed(value, |text| match text.trim() {
            "" => Ok(None),
            text => match Timestamp::parse_rfc3339(text) {
                Some(at) => Ok(Some(at.whole_secs())),
                None => {
                    let reason = "Input should be like 2026-11-22T18:30:00Z, with a zone or offset";
                    Err(Problem::Value { reason: reason.to_owned() })
                }
            },
        });
        moment.map(OptionalMoment)
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::zoned_moment())
    }
}
