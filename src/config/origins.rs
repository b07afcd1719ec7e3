//! Which origins' pages may call.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::types::listed;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    Any,
    /// As browsers send them (RFC 6454, 6.2): `https://shop.example`, lower case, without a path
    /// and without the scheme's own port.
    These(Vec<String>),
}

impl AllowedOrigins {
    pub fn none() -> AllowedOrigins {
        AllowedOrigins::These(Vec::new())
    }
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AllowedOrigins::Any => f.write_str("*"),
            AllowedOrigins::These(origins) => f.write_str(&origins.join(", ")),
        }
    }
}

impl FromStr for AllowedOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<AllowedOrigins, String> {
        if text.trim() == "*" {
            return Ok(AllowedOrigins::Any);
        }
        listed(text).map(origin).collect::<Result<_, _>>().map(AllowedOrigins::These)
    }
}

/// One that no browser would ever send is refused: it would never match, and nobody would know
/// why.
fn origin(item: &str) -> Result<String, String> {
    let refuse = |why: &str| Err(format!("{item:?} is no origin like https://shop.example: {why}"));
    if item.contains('*') {
        return refuse("there are no patterns; list each origin, or give * alone for any");
    }
    if !item.is_ascii() {
        return refuse("write the name as browsers send it, beginning with xn--");
    }
    let lower = item.to_ascii_lowercase();
    let Some((scheme, authority)) = lower.split_once("://") else {
        return refuse("it has no scheme");
    };
    if authority.contains(['/', '?', '#', '@']) {
        return refuse("it is a scheme, a host and perhaps a port, with nothing behind them");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let Some(host) = normal_host(host).filter(|_| is_scheme(scheme)) else {
        return refuse("its scheme or its host is not valid");
    };
    match port.map(|port| port.parse::<u16>().map_err(|_| port)) {
        None => Ok(format!("{scheme}://{host}")),
        Some(Ok(port)) if Some(port) == default_port(scheme) => Ok(format!("{scheme}://{host}")),
        Some(Ok(port)) if port > 0 => Ok(format!("{scheme}://{host}:{port}")),
        Some(_) => refuse("its port is not valid"),
    }
}

/// Browsers leave it out.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// RFC 3986, 3.1; apps have their own, as in `capacitor://localhost`.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// A name, or an address as browsers write it.
fn normal_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // Browsers and this library write a mapped IPv4 address differently; nobody needs one.
        let address = address.parse::<Ipv6Addr>().ok();
        return address.filter(|it| it.to_ipv4_mapped().is_none()).map(|it| format!("[{it}]"));
    }
    // A name never ends with a number (the URL standard): that is an address, or nothing.
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    if last.parse::<u64>().is_ok() && host.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    (is_name && !host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_is(text: &str, expected: &str) {
        let expected = AllowedOrigins::These(vec![expected.into()]);
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }

    #[test]
    fn origins_are_all_some_or_none() {
        assert_eq!("*".parse(), Ok(AllowedOrigins::Any));
        assert_eq!("".parse(), Ok(AllowedOrigins::none()));
        let two = ["https://a.example".into(), "http://b.example:8080".into()];
        let two = AllowedOrigins::These(two.into());
        assert_eq!("https://a.example, http://b.example:8080".parse(), Ok(two));
    }

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        assert_is("https://Shop.example", "https://shop.example");
        assert_is("https://shop.example:443", "https://shop.example");
        assert_is("http://shop.example:80", "http://shop.example");
        assert_is("http://shop.example:443", "http://shop.example:443");
        assert_is("https://shop.example:08443", "https://shop.example:8443");
        assert_is("http://[0:0::1]:3000", "http://[::1]:3000");
        assert_is("http://127.0.0.1:5173", "http://127.0.0.1:5173");
    }

    #[test]
    fn the_schemes_of_apps_can_be_listed() {
        for app in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://.",
            "chrome-extension://abcdefghijklmnop",
            "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
        ] {
            assert_is(app, app);
        }
    }

    #[test]
    fn what_would_never_match_is_refused_and_says_why() {
        for (wrong, why) in [
            ("https://*.shop.example", "no patterns"),
            ("https://a.example, *", "no patterns"),
            ("shop.example", "no scheme"),
            ("null", "no scheme"),
            ("https://shop.example/", "nothing behind"),
            ("https://shop.example/path", "nothing behind"),
            ("https://shop.example?x", "nothing behind"),
            ("https://user@shop.example", "nothing behind"),
            ("https://", "not valid"),
            ("https://:443", "not valid"),
            ("https://shop.example:", "port"),
            ("https://shop.example:0", "port"),
            ("https://shop.example:65536", "port"),
            ("https://shop.example:https", "port"),
            ("https://shop,example", "no scheme"),
            ("https://shop example", "not valid"),
            ("https://[::1", "not valid"),
            ("https://::1", "not valid"),
            ("https://10.1", "not valid"),
            ("1x://shop.example", "not valid"),
            ("https://sh\u{f6}p.example", "xn--"),
        ] {
            let told = wrong.parse::<AllowedOrigins>().unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
