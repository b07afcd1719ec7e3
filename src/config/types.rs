//! The types of settings that are more than a number or a text.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::parse;

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
    fn a_secret_never_prints_itself() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
