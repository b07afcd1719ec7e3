//! Email addresses.

use std::fmt;

use email_address::Options;

use crate::error::Problem;

/// A deliverable address: `local@domain.tld` in ASCII, at most 254 characters, without
/// quoting, comments or address literals. Nothing in it can reach an SMTP command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

/// RFC 5321, 4.5.3.1.3, without the angle brackets.
pub const MAX_CHARS: usize = 254;

impl EmailAddress {
    /// Blanks around it are taken off. The domain is kept in lower case, the part before it as it
    /// was typed.
    pub fn parse(text: &str) -> Result<EmailAddress, Problem> {
        let text = text.trim();
        let refuse = |reason: &str| Err(Problem::NotAnEmail { reason: reason.to_owned() });
        let Some((local, domain)) = text.rsplit_once('@') else {
            return refuse("An email address must have an @-sign.");
        };
        if text.len() > MAX_CHARS {
            return refuse("The email address is too long.");
        }
        if !text.bytes().all(is_plain) || local.contains('@') {
            return refuse("The email address contains characters that are not allowed.");
        }
        if local.is_empty() {
            return refuse("There must be something before the @-sign.");
        }
        if domain.is_empty() {
            return refuse("There must be something after the @-sign.");
        }
        if !domain.contains('.') {
            return refuse("The part after the @-sign is not valid. It should have a period.");
        }
        let options = Options::default().without_display_text().without_domain_literal();
        match email_address::EmailAddress::parse_with_options(text, options) {
            Ok(_) => Ok(EmailAddress(format!("{local}@{}", domain.to_ascii_lowercase()))),
            Err(why) => refuse(&format!("{why}.").replace("..", ".")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which addresses are compared.
    pub fn fold(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Visible ASCII without the characters that are syntax in SMTP or a mail header.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&byte)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_pass() {
        for good in ["ann@example.com", "a.b+tag@sub.example.org", "o'neil@example.ie"] {
            assert_eq!(EmailAddress::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(EmailAddress::parse("Ann@EXAMPLE.com").unwrap().as_str(), "Ann@example.com");
        assert_eq!(EmailAddress::parse(" ann@example.com\n").unwrap().as_str(), "ann@example.com");
    }

    #[test]
    fn nothing_that_could_reach_an_smtp_command_passes() {
        let long = format!("{}@example.com", "x".repeat(250));
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@host",
            "a b@example.com",
            "a@b@example.com",
            "ann@example.com\r\nRCPT TO:<eve@example.com>",
            "<ann@example.com>",
            "\"a b\"@example.com",
            "ann@[127.0.0.1]",
            ".ann@example.com",
            "ann..b@example.com",
            "ann@-example.com",
            "ann@example..com",
            "ann@.com",
            "änn@example.com",
            "ann@exämple.com",
            "ann\0@example.com",
            &long,
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}
