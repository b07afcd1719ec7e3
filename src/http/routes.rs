//! The whole API on one page, and the matching of paths against it.

use super::call::Call;
use super::handlers::{accounts, backups, docs, emails, order_list, orders, system, users};
use super::openapi::{Sketch, operations as op};
use super::reply::Reply;
use crate::error::Result;
use crate::service::{Limit, Placing};
use crate::store::Placed;

/// One row. A route without one of its columns doesn't compile.
pub struct Route {
    pub method: Method,
    /// Literal segments, or `{name}` for an id.
    pub pattern: &'static str,
    pub access: Access,
    pub limit: Option<Limit>,
    pub body: BodyKind,
    pub handler: Handler,
    /// What the OpenAPI document says of it; none for pages that people look at.
    pub operation: Option<fn() -> Sketch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// Who may come in. The operation behind the route decides again for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    User,
    Admin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// A body is ignored.
    Unused,
    Json,
}

/// What answers. It reads fields, makes one call, renders.
#[derive(Clone, Copy)]
pub enum Handler {
    Now(fn(&Call<'_>) -> Result<Reply>),
    /// Begins now and renders later: between the two the order goes to the disk, and no thread
    /// waits for it.
    Later(fn(&Call<'_>) -> Result<Placing>, Render),
}

/// Renders an order that is on disk.
pub type Render = fn(&Placed) -> Reply;

use Access::{Admin, Public, User};
use BodyKind::{Json, Unused};
use Handler::{Later, Now};
use Method::{Get, Post};

#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    //    method pattern                            access  limit                  body    handler                               operation
    route(Get,  "/",                                Public, None,                  Unused, Now(system::root),                     Some(op::root)),
    route(Get,  "/health",                          Public, None,                  Unused, Now(system::health),                   Some(op::health)),
    route(Get,  "/livez",                           Public, None,                  Unused, Now(system::livez),                    Some(op::livez)),
    route(Get,  "/readyz",                          Public, None,                  Unused, Now(system::readyz),                   Some(op::readyz)),
    route(Get,  "/metrics",                         Public, None,                  Unused, Now(system::metrics),                  Some(op::metrics)),
    route(Get,  "/metrics/",                        Public, None,                  Unused, Now(system::metrics),                  None),

    route(Get,  "/openapi.json",                    Public, None,                  Unused, Now(docs::document),                   None),
    route(Get,  "/docs",                            Public, None,                  Unused, Now(docs::page),                       None),
    route(Get,  "/docs/start.js",                   Public, None,                  Unused, Now(docs::start_script),               None),
    route(Get,  "/docs/favicon.png",                Public, None,                  Unused, Now(docs::icon),                       None),
    route(Get,  "/docs/5.35.0/swagger-ui-bundle.js", Public, None,                 Unused, Now(docs::bundle),                     None),
    route(Get,  "/docs/5.35.0/swagger-ui.css",      Public, None,                  Unused, Now(docs::stylesheet),                 None),
    route(Get,  "/redoc",                           Public, None,                  Unused, Now(docs::redoc),                      None),

    route(Post, "/auth/login",                      Public, Some(Limit::LOGIN),    Json,   Now(accounts::login),                  Some(op::login)),
    route(Post, "/auth/register",                   Admin,  Some(Limit::REGISTER), Json,   Now(accounts::register),               Some(op::register)),
    route(Get,  "/auth/me",                         User,   None,                  Unused, Now(accounts::me),                     Some(op::me)),
    route(Post, "/auth/password",                   User,   Some(Limit::PASSWORD), Json,   Now(accounts::change_password),        Some(op::change_password)),

    route(Get,  "/auth/users",                      Admin,  None,                  Unused, Now(users::list),                      Some(op::list_users)),
    route(Post, "/auth/users/{user_id}/disable",    Admin,  None,                  Unused, Now(users::disable),                   Some(op::disable_user)),
    route(Post, "/auth/users/{user_id}/enable",     Admin,  None,                  Unused, Now(users::enable),                    Some(op::enable_user)),
    route(Post, "/auth/users/{user_id}/password",   Admin,  None,                  Json,   Now(users::set_password),              Some(op::set_password)),

    route(Post, "/orders/create",                   User,   Some(Limit::ORDERS),   Json,   Later(orders::create, orders::placed), Some(op::create_order)),
    route(Get,  "/orders/",                         User,   None,                  Unused, Now(order_list::list),                 Some(op::list_orders)),
    route(Get,  "/orders/{order_id}",               User,   None,                  Unused, Now(orders::get),                      Some(op::get_order)),

    route(Get,  "/emails/",                         Admin,  None,                  Unused, Now(emails::list),                     Some(op::list_emails)),
    route(Post, "/emails/{email_id}/retry",         Admin,  None,                  Unused, Now(emails::retry),                    Some(op::retry_email)),

    route(Get,  "/admin/backup",                    Admin,  None,                  Unused, Now(backups::download),                Some(op::back_up)),
];

const fn route(
    method: Method,
    pattern: &'static str,
    access: Access,
    limit: Option<Limit>,
    body: BodyKind,
    handler: Handler,
    operation: Option<fn() -> Sketch>,
) -> Route {
    Route { method, pattern, access, limit, body, handler, operation }
}

/// Where a request's method and path lead.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'p> {
    Route {
        /// In [`ROUTES`].
        index: usize,
        /// What stands where the pattern has `{name}`.
        parameter: Option<&'p str>,
    },
    /// The path is known, the method isn't; for the `Allow` header.
    WrongMethod(String),
    /// A route differs by its last slash only: the path with it, or without.
    OtherSlash(String),
    Nothing,
}

/// `path` is decoded and without its query. Literal patterns win over those with an id.
pub fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    let Some(pattern) = pattern_of(path) else {
        return match toggle_slash(path) {
            Some(other) if pattern_of(&other).is_some() => Found::OtherSlash(other),
            _ => Found::Nothing,
        };
    };
    let wanted = if method == "HEAD" { "GET" } else { method };
    let index =
        ROUTES.iter().position(|route| route.pattern == pattern && route.method.as_str() == wanted);
    match index {
        Some(index) => Found::Route { index, parameter: parameter(pattern, path) },
        None => Found::WrongMethod(allowed(pattern)),
    }
}

fn pattern_of(path: &str) -> Option<&'static str> {
    let literal = ROUTES.iter().find(|route| route.pattern == path);
    let route = literal.or_else(|| ROUTES.iter().find(|route| fits(route.pattern, path)));
    route.map(|route| route.pattern)
}

fn fits(pattern: &str, path: &str) -> bool {
    if !pattern.contains('{') {
        return false;
    }
    let mut segments = path.split('/');
    let all = pattern.split('/').all(|wanted| match segments.next() {
        Some(segment) => segment == wanted || (wanted.starts_with('{') && !segment.is_empty()),
        None => false,
    });
    all && segments.next().is_none()
}

fn parameter<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let place = pattern.split('/').position(|segment| segment.starts_with('{'))?;
    path.split('/').nth(place)
}

fn toggle_slash(path: &str) -> Option<String> {
    match path.strip_suffix('/') {
        Some("" | "/") => None,
        Some(shorter) => Some(shorter.to_owned()),
        None if path.is_empty() => None,
        None => Some(format!("{path}/")),
    }
}

fn allowed(pattern: &str) -> String {
    let methods =
        ROUTES.iter().filter(|route| route.pattern == pattern).map(|route| match route.method {
            Get => "GET, HEAD",
            Post => "POST",
        });
    methods.collect::<Vec<_>>().join(", ")
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Get => "GET",
            Post => "POST",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(method: &str, path: &str) -> Option<&'static str> {
        match find(method, path) {
            Found::Route { index, .. } => Some(ROUTES[index].pattern),
            _ => None,
        }
    }

    #[test]
    fn a_route_is_found_by_method_and_path() {
        assert_eq!(pattern("GET", "/orders/"), Some("/orders/"));
        assert_eq!(pattern("HEAD", "/health"), Some("/health"));
        assert_eq!(pattern("GET", "/metrics"), Some("/metrics"));
        assert_eq!(pattern("GET", "/metrics/"), Some("/metrics/"));
        assert_eq!(find("GET", "/nowhere"), Found::Nothing);
        assert_eq!(find("GET", ""), Found::Nothing);
    }

    #[test]
    fn a_literal_path_wins_and_keeps_its_methods() {
        assert_eq!(find("GET", "/orders/create"), Found::WrongMethod("POST".into()));
        assert_eq!(find("DELETE", "/health"), Found::WrongMethod("GET, HEAD".into()));
    }

    #[test]
    fn another_last_slash_is_told() {
        assert_eq!(find("PUT", "/orders"), Found::OtherSlash("/orders/".into()));
        assert_eq!(find("POST", "/auth/login/"), Found::OtherSlash("/auth/login".into()));
        assert_eq!(find("GET", "//"), Found::Nothing);
    }
}
