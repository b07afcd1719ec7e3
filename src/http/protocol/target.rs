//! Request targets: the four forms of RFC 9112 3.2, of which one comes through.

use crate::http::rejection::Rejection;

/// Reads a target and gives it in origin form: `/path?query`, or `*` for OPTIONS. An
/// absolute one loses its scheme and authority: there is one host here, whatever its name
/// (RFC 9112 3.2.2). CONNECT is not implemented.
pub fn parse<'a>(method: &str, target: &'a str) -> Result<&'a str, Rejection> {
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Rejection::Malformed);
    }
    if method == "CONNECT" {
        // Well-formed it names a host and a port, nothing else.
        let has_port = target.rsplit_once(':').is_some_and(|(host, _)| !host.is_empty());
        check_authority(target.as_bytes())?;
        return Err(if has_port { Rejection::NotImplemented } else { Rejection::Malformed });
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok(target);
    }
    parse_absolute(method, target)
}

fn parse_absolute<'a>(method: &str, target: &'a str) -> Result<&'a str, Rejection> {
    let (scheme, rest) = target.split_once("://").ok_or(Rejection::Malformed)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(Rejection::Malformed);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, origin) = rest.split_at(end);
    check_authority(authority.as_bytes())?;
    if authority.is_empty() {
        return Err(Rejection::Malformed);
    }
    match origin {
        "" if method == "OPTIONS" => Ok("*"),
        "" => Ok("/"),
        // A query without a path has no origin form of its own bytes.
        query if query.starts_with('?') => Err(Rejection::Malformed),
        path => Ok(path),
    }
}

/// A host and perhaps a port, without user information; empty is allowed (RFC 9110 7.2).
pub fn check_authority(authority: &[u8]) -> Result<(), Rejection> {
    let is_allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte);
    if !authority.iter().all(is_allowed) {
        return Err(Rejection::Malformed);
    }
    let text = std::str::from_utf8(authority).map_err(|_| Rejection::Malformed)?;
    // Past a bracketed address, what follows a colon is a port.
    let after_address = text.rsplit_once(']').map_or(text, |(_, rest)| rest);
    match after_address.split_once(':') {
        Some((_, port)) if !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Rejection::Malformed)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_form_passes_unchanged() {
        for target in ["/", "/orders/?limit=5&x=%20", "//x", "/a*b:c@d"] {
            assert_eq!(parse("GET", target), Ok(target));
        }
    }

    #[test]
    fn an_absolute_target_loses_scheme_and_authority() {
        assert_eq!(parse("GET", "HTTP://shop.example:80/a?b"), Ok("/a?b"));
        assert_eq!(parse("GET", "http://[::1]:80"), Ok("/"));
        assert_eq!(parse("OPTIONS", "http://shop"), Ok("*"));
    }

    #[test]
    fn other_targets_are_rejected() {
        for target in [
            "",
            "*",
            "a",
            "shop:80",
            "ftp://shop/",
            "http:///a",
            "http://u@shop/",
            "/a#b",
            "/ü",
            "http://s?q",
        ] {
            assert_eq!(parse("GET", target), Err(Rejection::Malformed), "{target}");
        }
        assert_eq!(parse("CONNECT", "shop:443"), Err(Rejection::NotImplemented));
        assert_eq!(parse("CONNECT", "/"), Err(Rejection::Malformed));
    }
}
