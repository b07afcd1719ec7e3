//! The headers of responses, each described once.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, Header, Ref, RefOr, Response, ResponseBuilder};

pub const REQUEST_ID: &str = "X-Request-Id";
pub const LIMIT: [&str; 2] = ["RateLimit", "RateLimit-Policy"];

const HEADERS: [(&str, Type, &str); 11] = [
    (REQUEST_ID, Type::String, "What this request is called in the log."),
    ("RateLimit", Type::String, "Requests left, and seconds until the next: `\"login\";r=4;t=12`."),
    (
        "RateLimit-Policy",
        Type::String,
        "The limit and its window in seconds: `\"login\";q=5;w=60`.",
    ),
    ("Retry-After", Type::Integer, "Seconds to wait."),
    ("WWW-Authenticate", Type::String, "`Bearer`"),
    ("Link", Type::String, "Where the next page is, with `rel=\"next\"`; absent on the last."),
    (
        "Idempotent-Replayed",
        Type::String,
        "`true` where the key was known and nothing was done again.",
    ),
    ("ETag", Type::String, "The order's version: `\"3\"`."),
    ("Location", Type::String, "Where to look instead."),
    ("Content-Disposition", Type::String, "Names the file of a CSV."),
    ("Vary", Type::String, "`Accept`"),
];

/// Where the document describes a header of responses.
pub fn reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

/// A response without a body that has these headers.
pub fn response_with_headers(about: &str, names: &[&str]) -> Response {
    let mut response = ResponseBuilder::new().description(about).build();
    for name in names {
        response.headers.insert((*name).to_owned(), reference(name));
    }
    response
}

pub fn add_to(components: &mut Components) {
    for (name, kind, about) in HEADERS {
        let described = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(kind)))
            .description(Some(about));
        components.headers.insert(name.to_owned(), described.build().into());
    }
}
