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

/// A moment in whole seconds that is still to come; none where it is absent or null. What ends
/// something must not become "never" because a client has left it empty.
#[derive(Debug)]
pub struct FutureMoment(pub Option<Timestamp>);

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
            text => moment(text).map(Some),
        });
        moment.map(OptionalMoment)
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::zoned_moment())
    }
}

impl FromJson for FutureMoment {
    fn absent() -> Option<FutureMoment> {
        Some(FutureMoment(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<FutureMoment> {
        if value.is_null() {
            return FutureMoment::absent();
        }
        let now = reader.now();
        let moment = reader.parsed(value, |text| match moment(text.trim())? {
            past if past <= now => {
                Err(Problem::Value { reason: "Input should be in the future".to_owned() })
            }
            moment => Ok(moment),
        });
        moment.map(|at| FutureMoment(Some(at)))
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::zoned_moment())
    }
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    let at = Timestamp::parse_rfc3339(text).map(Timestamp::whole_secs);
    at.ok_or_else(|| {
        let reason = "Input should be like 2026-11-22T18:30:00Z, with a zone or offset";
        Problem::Value { reason: reason.to_owned() }
    })
}
