//! The types of settings that are more than a number or a text.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::parse;
use crate::domain::unicode;

/// A text that `Debug` never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A file, or none: stderr alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile(Option<PathBuf>);

/// `redb://` and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl(PathBuf);

/// Addresses and networks, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// `30m`, `24h`, `7d`; from a minute to a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Duration);

/// How the shop calls itself: 1 to 100 characters, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopName(String);

/// An `http` or `https` URL, at most 500 ASCII characters, safe in a mail's text and its HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopUrl(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLevel(pub log::LevelFilter);

/// `orders@example.com`, or `The Shop <orders@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailFrom {
    pub name: Option<String>,
    pub address: String,
}

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("**********")
    }
}

impl LogFile {
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl FromStr for LogFile {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFile, String> {
        match text.is_empty() {
            true => Ok(LogFile(None)),
            false => parse::path(text).map(|path| LogFile(Some(path))),
        }
    }
}

impl DatabaseUrl {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<DatabaseUrl, String> {
        if text.starts_with("sqlite") {
            return Err("a SQLite database is not read, and old data is not imported; \
                        give redb:// and a path"
                .into());
        }
        match text.strip_prefix("redb://") {
            Some(path) if Path::new(path).file_name().is_some() => {
                parse::path(path).map(DatabaseUrl)
            }
            _ => Err("must be redb:// and a path, as in redb://./data/orders.redb".into()),
        }
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<TrustedProxies, String> {
        let nets = listed(text).map(|item| {
            let address = item.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| item.parse()).map_err(|_: ipnet::AddrParseError| {
                format!("{item:?} is neither an address nor a network like 10.0.0.0/8")
            })
        });
        nets.collect::<Result<_, _>>().map(TrustedProxies)
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Interval, String> {
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit_secs = match &text[number.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => 0,
        };
        let secs = number.parse::<u64>().unwrap_or(0).saturating_mul(unit_secs);
        match secs {
            60..=31_536_000 => Ok(Interval(Duration::from_secs(secs))),
            _ => Err("must be a number and one of s, m, h, d, from 1m to 365d".into()),
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<LogLevel, String> {
        let level = match text.to_ascii_lowercase().as_str() {
            "trace" => log::LevelFilter::Trace,
            "debug" => log::LevelFilter::Debug,
            "info" => log::LevelFilter::Info,
            "warn" | "warning" => log::LevelFilter::Warn,
            "error" | "critical" => log::LevelFilter::Error,
            "off" => log::LevelFilter::Off,
            _ => return Err("must be trace, debug, info, warning, error, critical or off".into()),
        };
        Ok(LogLevel(level))
    }
}

impl ShopName {
    const MAX_CHARS: usize = 100;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShopName {
    type Err = String;

    fn from_str(text: &str) -> Result<ShopName, String> {
        let name = text.trim();
        // Emoji are put together with these two.
        let is_visible = unicode::is_visible(&name.replace(['\u{fe0f}', '\u{200d}'], ""));
        match (1..=Self::MAX_CHARS).contains(&name.chars().count()) && is_visible {
            true => Ok(ShopName(name.to_owned())),
            false => Err("must have 1 to 100 characters, none of them invisible".into()),
        }
    }
}

impl ShopUrl {
    const MAX_LEN: usize = 500;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShopUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<ShopUrl, String> {
        let allowed = || "must be a URL like https://shop.example".to_owned();
        let url = text.trim();
        let (scheme, rest) = url.split_once("://").ok_or_else(allowed)?;
        let is_web = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.trim_start_matches('[');
        let starts_well = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':');
        let is_plain = url.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
        // A name or a password in it would go out to every customer.
        let is_open = !authority.contains('@');
        match is_web && starts_well && is_plain && is_open && url.len() <= Self::MAX_LEN {
            true => Ok(ShopUrl(url.to_owned())),
            false => Err(allowed()),
        }
    }
}

impl EmailFrom {
    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

impl FromStr for EmailFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<EmailFrom, String> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(rest) => rest.split_once('<').ok_or("must be an address, or Name <address>")?,
            None => ("", text.trim()),
        };
        let name = name.trim().trim_matches('"');
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_graphic() && !b"<>()[]\\,;:\"@".contains(&b))
        };
        let valid = address.split_once('@').is_some_and(|(user, host)| plain(user) && plain(host));
        if !valid || name.chars().any(char::is_control) {
            return Err("must be an address, or Name <address>".into());
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(EmailFrom { name, address: address.to_owned() })
    }
}

/// The members of a list, without empty ones.
pub(super) fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_is_redb_and_a_path() {
        let path = |text: &str| text.parse::<DatabaseUrl>().map(|url| url.0);
        assert_eq!(path("redb://./data/orders.redb"), Ok("./data/orders.redb".into()));
        assert_eq!(path("redb:///var/lib/o.redb"), Ok("/var/lib/o.redb".into()));
        assert!(path("sqlite:///./orders.db").unwrap_err().contains("SQLite"));
        assert!(path("redb://").is_err());
        assert!(path("orders.redb").is_err());
    }

    #[test]
    fn proxies_are_addresses_or_networks() {
        let proxies: TrustedProxies = "127.0.0.1, 10.0.0.0/8,::1".parse().unwrap();
        assert_eq!(proxies.0.len(), 3);
        assert!("localhost".parse::<TrustedProxies>().is_err());
    }

    #[test]
    fn an_interval_has_a_unit_and_a_bound() {
        assert_eq!("24h".parse(), Ok(Interval(Duration::from_secs(86_400))));
        for wrong in ["", "24", "h", "1s", "366d", "-1h", "1.5h", "99999999999999999999d"] {
            assert!(wrong.parse::<Interval>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let from: EmailFrom = "The Shop <orders@shop.example>".parse().unwrap();
        assert_eq!(from.name.as_deref(), Some("The Shop"));
        assert_eq!((from.address.as_str(), from.domain()), ("orders@shop.example", "shop.example"));
        assert!("orders@localhost".parse::<EmailFrom>().is_ok());
        for wrong in ["", "orders", "a@b\r\nRCPT TO:<x@y>", "<a b@c>", "a@b>", "x <a@b> y"] {
            assert!(wrong.parse::<EmailFrom>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_shop_has_a_name_in_one_line() {
        let name = |text: &str| text.parse::<ShopName>().map(|name| name.as_str().to_owned());
        assert_eq!(name(" Bäckerei Grün & Söhne "), Ok("Bäckerei Grün & Söhne".into()));
        assert!(name(&"é".repeat(100)).is_ok() && name("Café ☕\u{fe0f}").is_ok());
        for wrong in ["", " ", "a\r\nBcc: b@c", "a\u{202e}b", &"é".repeat(101)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_shops_url_is_one_that_a_browser_opens() {
        for right in [
            "https://shop.example",
            "HTTP://shop.example:8080/a?b=c&d#e",
            "http://[2001:db8::1]/",
            "http://[::1]:8000",
            "https://192.0.2.1/@shop",
        ] {
            assert_eq!(right.parse::<ShopUrl>().map(|url| url.0), Ok(right.into()));
        }
        for wrong in [
            "shop.example",
            "ftp://shop.example",
            "javascript://shop.example",
            "https://",
            "https:///x",
            "https://ann:secret@shop.example",
            "https://shop.example/\"><script>",
            "https://shop.example/a b",
            "https://shöp.example",
            "https://shop.example/\r\nBcc: x",
        ] {
            assert!(wrong.parse::<ShopUrl>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_never_prints_itself() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
