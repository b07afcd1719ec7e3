//! Where a webhook goes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An `http:` or `https:` URL. Its host was judged as the URL standard does it, so that no
/// spelling of an address passes for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl {
    text: String,
    scheme: Scheme,
    host: Host,
    port: u16,
    /// The path and the query.
    target: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    Address(IpAddr),
    /// In lower case, without a dot at its end.
    Name(String),
}

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    TooLong,
    Other(&'static str),
}

use UrlFault::Other;

const BAD_HOST: UrlFault = Other("its host is neither a name nor an address");
const BAD_PORT: UrlFault = Other("its port is not a number from 1 to 65535");

impl WebhookUrl {
    pub const MAX_CHARS: usize = 2000;

    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<WebhookUrl, UrlFault> {
        if text.chars().count() > WebhookUrl::MAX_CHARS {
            return Err(UrlFault::TooLong);
        }
        if text.contains('#') {
            return Err(Other("it has a fragment, which no receiver would see"));
        }
        // RFC 3986 has no others; a reader of URLs that takes more may see another host than we.
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte))
        {
            return Err(Other(
                "it has characters that a URL can't have; others are percent-encoded, and names \
                 in other alphabets begin with xn--",
            ));
        }
        let (scheme, rest) = text.split_once("://").ok_or(Other("it has no https://"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(Other("its scheme is neither https nor http")),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(Other("it has a user or a password, which every list would show"));
        }
        let (host, port) = split_port(authority)?;
        let (host, port) = (Host::parse(host)?, port.unwrap_or(scheme.port()));
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{target}");
        Ok(WebhookUrl { text: text.to_owned(), scheme, host, port, target })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL with its host spelt in the one way that all readers agree on.
    pub fn to_canonical(&self) -> String {
        let WebhookUrl { scheme, host, port, target, .. } = self;
        match *port == scheme.port() {
            true => format!("{}://{host}{target}", scheme.as_str()),
            false => format!("{}://{host}:{port}{target}", scheme.as_str()),
        }
    }
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl Host {
    fn parse(text: &str) -> Result<Host, UrlFault> {
        if let Some(inside) = text.strip_prefix('[') {
            let address = inside.strip_suffix(']').and_then(|it| it.parse::<Ipv6Addr>().ok());
            return address.map(|it| Host::Address(it.into())).ok_or(BAD_HOST);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels = || name.split('.');
        let is_number = |label: &str| {
            let is_hex = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_hexdigit());
            let all_digits = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
            all_digits || label.strip_prefix("0x").is_some_and(is_hex)
        };
        if labels().next_back().is_some_and(is_number) {
            return ipv4(&name).map(|it| Host::Address(it.into())).ok_or(BAD_HOST);
        }
        let is_label = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            (1..=63).contains(&label.len()) && label.bytes().all(plain)
        };
        match name.len() <= 253 && labels().all(is_label) {
            true => Ok(Host::Name(name)),
            false => Err(BAD_HOST),
        }
    }
}

/// In brackets an address has colons of its own.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), UrlFault> {
    let end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = authority[end..].find(':').map(|at| at + end) else {
        return Ok((authority, None));
    };
    let port = &authority[colon + 1..];
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|port| is_number && *port > 0);
    number.map(|port| (&authority[..colon], Some(port))).ok_or(BAD_PORT)
}

/// One to four numbers, decimal, octal or hexadecimal, the last filling what the others leave:
/// `127.1`, `0x7f.0.0.1` and `2130706433` are all one address (URL standard, 3.5).
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, others) = parts.split_last().filter(|(_, others)| others.len() <= 3)?;
    let mut bits: u32 = 0;
    for part in others {
        bits = bits << 8 | u32::from(u8::try_from(number(part)?).ok()?);
    }
    let free = 32 - 8 * others.len() as u32;
    let last = number(last).filter(|last| *last < 1 << free)?;
    Some(Ipv4Addr::from_bits(u32::try_from(u64::from(bits) << free | last).ok()?))
}

fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.is_empty() {
        return (radix == 16).then_some(0);
    }
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

/// As it stands in a URL.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Address(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
            Host::Address(v4) => v4.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlFault::TooLong => write!(f, "it has over {} characters", WebhookUrl::MAX_CHARS),
            UrlFault::Other(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        for (text, host) in [
            ("https://127.0.0.1/", "127.0.0.1"),
            ("https://127.1", "127.0.0.1"),
            ("https://2130706433/", "127.0.0.1"),
            ("https://0x7f.0.0.1/", "127.0.0.1"),
            ("https://0X7F000001/", "127.0.0.1"),
            ("https://0177.0.0.01/", "127.0.0.1"),
            ("https://127.0.1/", "127.0.0.1"),
            ("https://169.254.43518/", "169.254.169.254"),
            ("https://127.0.0.1./", "127.0.0.1"),
            ("https://0/", "0.0.0.0"),
            ("https://0x/", "0.0.0.0"),
            ("https://[::1]/", "[::1]"),
            ("https://[0:0:0:0:0:ffff:7f00:1]/", "[::ffff:127.0.0.1]"),
        ] {
            let url = WebhookUrl::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert!(matches!(url.host, Host::Address(_)), "{text}");
            assert_eq!(url.host.to_string(), host, "{text}");
        }
    }

    #[test]
    fn a_url_has_a_name_or_an_address_and_perhaps_a_port() {
        let canonical = |text: &str| WebhookUrl::parse(text).unwrap().to_canonical();
        assert_eq!(canonical("HTTPS://Shop.Example.:443"), "https://shop.example/");
        assert_eq!(canonical("http://a_b.example:8080/x?y=%20"), "http://a_b.example:8080/x?y=%20");
        assert_eq!(
            canonical("https://xn--bcher-kva.example?q"),
            "https://xn--bcher-kva.example/?q"
        );
        assert_eq!(canonical("http://[::1]:81/a@b:c"), "http://[::1]:81/a@b:c");
        assert_eq!(canonical("http://0x7f.1:80/"), "http://127.0.0.1/");
        assert_eq!(WebhookUrl::parse("https://a.example").unwrap().port(), 443);
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        for text in [
            "",
            "https",
            "https:shop.example",
            "https:///x",
            "https://",
            "https://:443/",
            "ftp://shop.example/",
            "file:///etc/passwd",
            "javascript://x",
            "https://ann@shop.example/",
            "https://ann:secret@shop.example/",
            "https://@shop.example/",
            "https://shop.example/#top",
            "https://shop.example#@evil.example/",
            "https://shop.example\\@evil.example/",
            "https://shop.example/ x",
            " https://shop.example/",
            "https://shop.example/\r\nX: y",
            "https://b\u{fc}cher.example/",
            "https://\u{ff11}27.0.0.1/",
            "https://shop%2eexample/",
            "https://shop..example/",
            "https://.example/",
            "https://shop.example../",
            "https://shop.example:0/",
            "https://shop.example:65536/",
            "https://shop.example:/",
            "https://shop.example:+80/",
            "https://shop.example:80:80/",
            "https://1.2.3.4.5/",
            "https://1.2.3.4.5.6/",
            "https://256.0.0.1/",
            "https://1.2.3.256/",
            "https://4294967296/",
            "https://0x100000000/",
            "https://08.0.0.1/",
            "https://1..2/",
            "https://shop.0x7f/",
            "https://a.1/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[fe80::1%25eth0]/",
            "https://[127.0.0.1]/",
            "https://::1/",
        ] {
            assert!(WebhookUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_browser_would_take_is_refused_with_its_reason() {
        for (text, reason) in [
            ("https://ann:secret@shop.example/", "a user or a password"),
            ("https://shop.example/#top", "a fragment"),
            ("https://b\u{fc}cher.example/", "xn--"),
        ] {
            let why = WebhookUrl::parse(text).unwrap_err().to_string();
            assert!(why.contains(reason), "{text}: {why}");
        }
    }

    #[test]
    fn a_name_has_at_most_253_characters_and_each_of_its_labels_63() {
        let url = |name: &str| WebhookUrl::parse(&format!("https://{name}/"));
        let label = "a".repeat(63);
        let name = [label.as_str(); 4].join(".");
        assert!(url(&name[..253]).is_ok());
        assert!(url(&name[..254]).is_err());
        assert!(url(&format!("{label}a.example")).is_err());
    }

    #[test]
    fn a_url_has_at_most_2000_characters() {
        let url = |len: usize| format!("https://a.example/{:x<1$}", "", len - 18);
        assert!(WebhookUrl::parse(&url(2000)).is_ok());
        assert_eq!(WebhookUrl::parse(&url(2001)), Err(UrlFault::TooLong));
    }
}
