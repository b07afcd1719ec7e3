//! Which route a method and a path lead to.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::routes::{Method, ROUTES, Route};

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
    /// A route differs by its last slash only.
    OtherSlash,
    Nothing,
}

/// `path` is decoded and without its query. Literal patterns win over those with an id.
pub fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    let Some(pattern) = pattern_of(path) else {
        return match toggle_slash(path) {
            Some(other) if pattern_of(&other).is_some() => Found::OtherSlash,
            _ => Found::Nothing,
        };
    };
    let wanted = if method == "HEAD" { "GET" } else { method };
    let index =
        ROUTES.iter().position(|route| route.pattern == pattern && route.method.as_str() == wanted);
    match index {
        Some(index) => Found::Route { index, parameter: parameter(pattern, path) },
        None => Found::WrongMethod(allowed(|route| route.pattern == pattern)),
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

fn allowed(is_meant: impl Fn(&Route) -> bool) -> String {
    let has = |method| ROUTES.iter().any(|route| route.method == method && is_meant(route));
    let methods = [(Method::Get, "GET, HEAD"), (Method::Post, "POST")];
    let methods = methods.into_iter().filter(|(method, _)| has(*method)).map(|(_, name)| name);
    methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
}

/// Undoes percent-encoding in a path (RFC 3986, 2.1). What can't be undone stays as it is,
/// and then matches no route.
pub fn decode_path(path: &str) -> Cow<'_, str> {
    percent_decode_str(path).decode_utf8().unwrap_or(Cow::Borrowed(path))
}

/// A target's path, and what follows its `?`.
pub fn split_target(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// A relative reference (RFC 3986, 4.2) from the target to the same one with its path's last
/// slash added or taken away. It begins with a dot, so that it can't lead to another host, and
/// stays behind the prefix that a proxy may have taken off the path.
pub fn to_other_slash(target: &str) -> String {
    let (path, query) = split_target(target);
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let encoded_slash = || path.strip_suffix("%2F").or_else(|| path.strip_suffix("%2f"));
    let reference = match (path.strip_suffix('/'), encoded_slash()) {
        (Some(shorter), _) => format!("../{}", last(shorter)),
        (None, Some(shorter)) => format!("./{}", last(shorter)),
        (None, None) => format!("./{}/", last(path)),
    };
    match target.contains('?') {
        true => format!("{reference}?{query}"),
        false => reference,
    }
}

/// The methods of the route at a path, for an `Allow` header; of all routes for the target `*`.
/// `None` where no route has that path.
pub fn options(target: &str) -> Option<String> {
    if target == "*" {
        return Some(allowed(|_| true));
    }
    let (path, _) = split_target(target);
    pattern_of(&decode_path(path)).map(|pattern| allowed(|route| route.pattern == pattern))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::docs::PAGE;

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
        assert_eq!(find("GET", "/orders/create"), Found::WrongMethod("POST, OPTIONS".into()));
        assert_eq!(find("DELETE", "/health"), Found::WrongMethod("GET, HEAD, OPTIONS".into()));
    }

    #[test]
    fn another_last_slash_is_told() {
        assert_eq!(find("PUT", "/orders"), Found::OtherSlash);
        assert_eq!(find("POST", "/auth/login/"), Found::OtherSlash);
        assert_eq!(find("GET", "//"), Found::Nothing);
        assert_eq!(to_other_slash("/orders?a=%2F"), "./orders/?a=%2F");
        assert_eq!(to_other_slash("/auth/login/"), "../login");
        assert_eq!(to_other_slash("/orders/4:5/?"), "../4:5?");
        assert_eq!(to_other_slash("/auth/login%2f"), "./login");
        assert_eq!(to_other_slash("/auth%2Flogin/"), "../auth%2Flogin");
    }

    #[test]
    fn the_documentation_asks_for_nothing_that_is_not_served_here() {
        let mut count = 0;
        for attribute in ["src=\"", "href=\""] {
            for part in PAGE.split(attribute).skip(1) {
                let path = format!("/{}", part.split('"').next().unwrap());
                assert!(matches!(find("GET", &path), Found::Route { .. }), "{path}");
                count += 1;
            }
        }
        assert_eq!(count, 5);
    }
}
