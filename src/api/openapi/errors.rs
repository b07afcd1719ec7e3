//! The errors, each described once.

use utoipa::openapi::{Components, Content, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::headers;
use crate::api::errors::{ErrorBody, Facts, InvalidBody, ProblemBody, RateLimitedBody};

/// What any request may meet before or instead of its handler.
pub const ANYWHERE: [u16; 6] = [400, 408, 413, 431, 500, 503];

struct Described {
    status: u16,
    /// Its name within the document.
    name: &'static str,
    about: &'static str,
    headers: &'static [&'static str],
}

#[rustfmt::skip]
const ERRORS: [Described; 15] = [
    described(400, "BadRequest", "Not HTTP, not UTF-8, or refused by a rule; `detail` says which.", &[]),
    described(401, "Unauthenticated", "No credentials, or none that count.", &["WWW-Authenticate"]),
    described(403, "Forbidden", "Not enough rights.", &[]),
    described(404, "NotFound", "There is none, or it is another's.", &[]),
    described(408, "RequestTimeout", "The request was not whole in its time.", &[]),
    described(409, "Conflict", "It contradicts what is stored; `detail` says how.", &[]),
    described(410, "Gone", "Not all that is asked for is kept; `oldest` and `source` say what is.", &[]),
    described(412, "PreconditionFailed", "The order has another version than `If-Match` names.", &[]),
    described(413, "ContentTooLarge", "The body is over its limit.", &[]),
    described(415, "UnsupportedMediaType", "The body is there and not JSON by its `Content-Type`.", &[]),
    described(422, "Invalid", "All faults of the fields and parameters at once.", &[]),
    described(429, "RateLimited", "Too many requests; try again after `Retry-After`.",
        &["Retry-After", "RateLimit", "RateLimit-Policy"]),
    described(431, "RequestHeaderFieldsTooLarge", "The head is over its limit.", &[]),
    described(500, "InternalServerError", "A fault of the service's own.", &[]),
    described(503, "Unavailable",
        "With `Retry-After` nothing was done. Without it the outcome is unknown: \
         the write may have happened or not.", &["Retry-After"]),
];

const fn described(
    status: u16,
    name: &'static str,
    about: &'static str,
    headers: &'static [&'static str],
) -> Described {
    Described { status, name, about, headers }
}

/// Where the document describes an error of this status.
pub fn reference(status: u16) -> Ref {
    let known = ERRORS.iter().find(|error| error.status == status);
    Ref::from_response_name(known.map_or("InternalServerError", |error| error.name))
}

pub fn add_to(components: &mut Components) {
    for error in &ERRORS {
        components.responses.insert(error.name.to_owned(), response(error).into());
    }
    let mut schemas = Vec::new();
    add_schema::<ErrorBody>(&mut schemas);
    add_schema::<InvalidBody>(&mut schemas);
    add_schema::<RateLimitedBody>(&mut schemas);
    add_schema::<ProblemBody>(&mut schemas);
    for (name, schema) in &mut schemas {
        if [ErrorBody::name(), ProblemBody::name()].contains(&name.as_str().into()) {
            add_facts(schema);
        }
    }
    components.schemas.extend(schemas);
}

/// As properties of their own: generators of clients make nothing good of `allOf`.
fn add_facts(to: &mut RefOr<Schema>) {
    if let (RefOr::T(Schema::Object(to)), RefOr::T(Schema::Object(facts))) = (to, Facts::schema()) {
        to.properties.extend(facts.properties);
    }
}

fn response(error: &Described) -> Response {
    let plain = match error.status {
        422 => InvalidBody::name(),
        429 => RateLimitedBody::name(),
        _ => ErrorBody::name(),
    };
    let mut response = ResponseBuilder::new()
        .description(error.about)
        .content("application/json", Content::new(Some(Ref::from_schema_name(plain))))
        .content(
            "application/problem+json",
            Content::new(Some(Ref::from_schema_name(ProblemBody::name()))),
        )
        .build();
    for name in error.headers.iter().chain([&headers::REQUEST_ID]) {
        response.headers.insert((*name).to_owned(), headers::reference(name));
    }
    response
}

fn add_schema<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), <T as PartialSchema>::schema()));
    T::schemas(schemas);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_that_a_route_may_meet_is_described() {
        for status in ANYWHERE.into_iter().chain([401, 403, 404, 409, 410, 412, 415, 422, 429]) {
            assert!(ERRORS.iter().any(|error| error.status == status), "{status}");
        }
    }
}
