//! The document as a whole.

use std::sync::OnceLock;

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::security::{
    Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, HttpMethod, Info, License, OpenApi, RefOr, Required, Response, SecurityRequirement,
    Server,
};

use super::operation::{OperationDoc, Tag};
use super::{errors, headers, schemas};
use crate::api::routes::{Access, BodyKind, Method, ROUTES, Route};

/// The security schemes' names within the document: two ways to the same token, and a key.
const BEARER: &str = "bearer";
const OAUTH2: &str = "oauth2";
const KEY: &str = "key";

const ABOUT: &str = "\
Takes orders, keeps them safe on disk before it says so, and mails the customer.

To begin, put a name and its password behind *Authorize*; or the `access_token` that \
`POST /auth/login` gives.

- `HEAD` works wherever `GET` does. Another method on a known path is answered 405 with `Allow`, \
and `OPTIONS` 204. A path that differs from a known one by its last slash only is answered 307 \
with a relative `Location`.
- Every answer carries `X-Request-Id`: the one of the request, where it sent 1 to 64 of \
`A-Z a-z 0-9 . _ -`, else one made for it. Quote it when you report a problem.
- Errors are `{\"detail\": …}`. A client that sends `Accept: application/problem+json` gets \
problem details (RFC 9457) instead.
- An error in the framing of a request closes the connection. Besides those listed with the \
operations, 417, 501 and 505 tell of an expectation, a transfer coding or a version of HTTP that \
is not supported.";

/// The document as JSON, made once.
pub fn json() -> &'static str {
    static JSON: OnceLock<String> = OnceLock::new();
    // It can't fail for input's sake: there is none. A test reads the whole of it.
    JSON.get_or_init(|| document().to_json().unwrap_or_default())
}

fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = Components::new();
    for route in ROUTES {
        let Some(describe) = route.operation else { continue };
        let OperationDoc { operation, schemas } = describe();
        components.schemas.extend(schemas);
        let operation = complete(operation, route);
        paths.add_path_operation(route.pattern, vec![http_method(route.method)], operation);
    }
    errors::add_to(&mut components);
    headers::add_to(&mut components);
    components.add_security_scheme(BEARER, bearer());
    components.add_security_scheme(OAUTH2, oauth2());
    components.add_security_scheme(KEY, key());
    let mut document = OpenApi::new(info(), paths);
    document.components = Some(components);
    document.servers = Some(vec![server()]);
    let tags = Tag::ALL
        .map(|tag| TagBuilder::new().name(tag.name()).description(Some(tag.about())).build());
    document.tags = Some(tags.into());
    document
}

fn info() -> Info {
    let mut info = Info::new("orderd", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    let mut license = License::new("MIT");
    license.identifier = Some("MIT".to_owned());
    info.license = Some(license);
    info
}

/// Where the document itself is, whatever prefix a proxy has taken off its path.
fn server() -> Server {
    Server::new("./")
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let about = "The `access_token` that `POST /auth/login` gives.";
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

/// The password flow, whose token endpoint is a relative reference like all others.
fn oauth2() -> SecurityScheme {
    let flow = Flow::Password(Password::new("./auth/token", Scopes::new()));
    SecurityScheme::OAuth2(OAuth2::with_description([flow], "A name and its password."))
}

/// It goes where a token goes, but not everywhere.
fn key() -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let about = "A key that `POST /auth/keys/create` gives.";
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

fn http_method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
    }
}

/// Adds what follows from the route's columns.
fn complete(mut operation: Operation, route: &Route) -> Operation {
    if let Some(name) = id_name(route.pattern) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schemas::id()));
        operation.parameters.get_or_insert_default().insert(0, parameter.build().into());
    }
    if route.access != Access::Public {
        let none: [&str; 0] = [];
        let schemes = [BEARER, OAUTH2].into_iter().chain(route.takes_keys().then_some(KEY));
        let either = schemes.map(|scheme| SecurityRequirement::new(scheme, none));
        operation.security = Some(either.collect());
    }
    for status in errors_of(route) {
        let place = operation.responses.responses.entry(status.to_string());
        place.or_insert_with(|| errors::reference(status).into());
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            add_headers(response, route);
        }
    }
    operation
}

/// The statuses that the checks ahead of a handler can end with.
fn errors_of(route: &Route) -> Vec<u16> {
    let mut statuses = errors::ANYWHERE.to_vec();
    if id_name(route.pattern).is_some() {
        statuses.extend([404, 422]);
    }
    if route.body != BodyKind::Unused {
        statuses.extend([415, 422]);
    }
    if route.limit.is_some() {
        statuses.push(429);
    }
    match route.access {
        Access::Public => {}
        Access::User => statuses.push(401),
        Access::Admin => statuses.extend([401, 403]),
    }
    if route.access != Access::Public && !route.takes_keys() {
        statuses.push(403);
    }
    statuses
}

fn add_headers(response: &mut Response, route: &Route) {
    let limited: &[&str] = if route.limit.is_some() { &headers::LIMIT } else { &[] };
    for name in [headers::REQUEST_ID].iter().chain(limited) {
        response.headers.insert((*name).to_owned(), headers::reference(name));
    }
}

fn id_name(pattern: &'static str) -> Option<&'static str> {
    let (_, rest) = pattern.split_once('{')?;
    rest.split_once('}').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::form::FORM;
    use serde_json::Value;

    /// What people look at rather than call, an older name of another row, or what only the
    /// operator may ask.
    const UNDOCUMENTED: [&str; 12] = [
        "/admin/log-level",
        "/console/",
        "/console/{release}/{file}",
        "/metrics/",
        "/openapi.json",
        "/redoc",
        "/docs",
        "/docs/start.js",
        "/docs/style.css",
        "/docs/5.35.0/swagger-ui-bundle.js",
        "/docs/5.35.0/swagger-ui.css",
        "/docs/favicon.png",
    ];

    #[test]
    fn the_document_leads_to_where_it_came_from() {
        let document: Value = serde_json::from_str(json()).unwrap();
        assert_eq!(document["servers"], serde_json::json!([{"url": "./"}]));
    }

    fn read() -> Value {
        serde_json::from_str(json()).unwrap()
    }

    fn operation_of<'d>(document: &'d Value, route: &Route) -> &'d Value {
        &document["paths"][route.pattern][route.method.as_str().to_lowercase()]
    }

    fn documented() -> impl Iterator<Item = &'static Route> {
        ROUTES.iter().filter(|route| !UNDOCUMENTED.contains(&route.pattern))
    }

    #[test]
    fn every_route_has_its_operation_with_its_errors_and_its_security() {
        let document = read();
        for route in documented() {
            let operation = operation_of(&document, route);
            let place = format!("{} {}", route.method.as_str(), route.pattern);
            assert!(operation.is_object(), "{place} has no operation");
            assert!(operation["summary"].is_string(), "{place}");
            let is_secured = operation["security"][0][BEARER].is_array();
            assert_eq!(is_secured, route.access != Access::Public, "{place}");
            let schemes = operation["security"].as_array();
            let takes_keys = schemes.is_some_and(|it| it.iter().any(|it| it[KEY].is_array()));
            assert_eq!(takes_keys, is_secured && route.takes_keys(), "{place}");
            for status in errors_of(route) {
                let response = &operation["responses"][status.to_string()];
                assert!(response.is_object(), "{place} lacks {status}");
            }
            let content = &operation["requestBody"]["content"];
            let reads = |kind: &str| content[kind].is_object();
            assert_eq!(reads("application/json"), route.body == BodyKind::Json, "{place}");
            assert_eq!(reads(FORM), route.body == BodyKind::Form, "{place}");
            let succeeds = operation["responses"].as_object().unwrap().keys();
            assert!(succeeds.into_iter().any(|status| status.starts_with('2')), "{place}");
        }
    }

    #[test]
    fn only_those_have_no_operation() {
        for route in ROUTES {
            let expected = !UNDOCUMENTED.contains(&route.pattern);
            assert_eq!(route.operation.is_some(), expected, "{}", route.pattern);
        }
    }

    #[test]
    fn operations_have_names_of_their_own_and_known_tags() {
        let document = read();
        let mut names = Vec::new();
        for route in documented() {
            let operation = operation_of(&document, route);
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(Tag::ALL.iter().any(|known| known.name() == tag), "{tag}");
            names.push(operation["operationId"].as_str().unwrap().to_owned());
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = read();
        let targets = values(&document).into_iter().filter_map(|value| value.get("$ref"));
        let targets: Vec<_> = targets.filter_map(Value::as_str).collect();
        for target in &targets {
            let place = target.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{target}");
        }
        assert!(targets.len() > 50, "{}", targets.len());
    }

    #[test]
    fn no_text_of_the_document_has_a_gap_in_it() {
        let document = read();
        let texts: Vec<_> = values(&document).into_iter().filter_map(Value::as_str).collect();
        for text in &texts {
            assert!(!text.contains("  "), "{text}");
        }
        assert!(texts.len() > 100, "{}", texts.len());
    }

    /// A value, and all that lie in it.
    fn values(value: &Value) -> Vec<&Value> {
        let mut found = vec![value];
        let mut read = 0;
        while let Some(&value) = found.get(read) {
            match value {
                Value::Object(object) => found.extend(object.values()),
                Value::Array(items) => found.extend(items),
                _ => {}
            }
            read += 1;
        }
        found
    }
}
