//! Reads the texts of settings. An error says what is allowed.

use std::fmt::Display;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::domain::EmailAddress;

pub fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// What its own type reads.
pub fn typed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|why: T::Err| why.to_string())
}

/// A whole number between the two, both included.
pub fn number<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| match text.parse() {
        Ok(number) if (&least..=&most).contains(&&number) => Ok(number),
        _ => Err(format!("must be a whole number from {least} to {most}")),
    }
}

/// One of these words.
pub fn one_of<T: Copy>(
    choices: &'static [(&'static str, T)],
) -> impl Fn(&str) -> Result<T, String> {
    move |text| match choices.iter().find(|(word, _)| *word == text) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            Err(format!("must be {}", words.join(" or ")))
        }
    }
}

/// An email address without a name.
pub fn address(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).map_err(|_| "must be an email address, like shop@example.com".into())
}

/// A path. The shell alone knows what `~` stands for, and it expands none in a file.
pub fn path(text: &str) -> Result<PathBuf, String> {
    match text.starts_with('~') {
        true => Err("must be a path without `~`, which only a shell understands".into()),
        false => Ok(text.into()),
    }
}

/// A name or an address, without a port. The brackets that URLs have around an IPv6 address
/// are taken off.
pub fn host(text: &str) -> Result<String, String> {
    const ALLOWED: &str = "must be a host name or an address";
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(bare) = bare.filter(|bare| is_ipv6(bare)) {
        return Ok(bare.to_owned());
    }
    if is_ipv6(text) {
        return Ok(text.to_owned());
    }
    if text.contains("://") {
        return Err(format!("{ALLOWED}, not a URL"));
    }
    if text.contains(':') {
        return Err(format!("{ALLOWED}; the port is a setting of its own"));
    }
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/\\@[]<>\"'".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err(ALLOWED.into()),
    }
}

/// Whether the name or address stands for this host, as its text tells.
pub fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// Also with the zone of a link-local address: `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_without_brackets() {
        for (text, read) in [
            ("mail.example", "mail.example"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(read));
        }
    }

    #[test]
    fn a_host_takes_neither_a_port_nor_a_url() {
        for (text, told) in [
            ("mail.example:587", "port"),
            ("127.0.0.1:80", "port"),
            ("[::1]:80", "port"),
            ("smtp://mail.example", "URL"),
            ("mail.example/", "host name"),
            ("[mail.example]", "host name"),
            ("ann@mail.example", "host name"),
            ("two words", "host name"),
        ] {
            assert!(host(text).unwrap_err().contains(told), "{text}");
        }
    }

    #[test]
    fn a_path_does_not_begin_with_a_tilde() {
        assert!(path("~/orders").is_err() && path("~").is_err() && path("~ann/x").is_err());
        assert_eq!(path("./a~").unwrap(), PathBuf::from("./a~"));
    }
}
