//! Addresses, and the rule that keeps them out of trouble in an SMTP command.

/// The longest address that fits an SMTP path, in bytes (RFC 5321, 4.5.3.1.3).
const MAX_ADDRESS_LEN: usize = 254;

/// Who a mail is from: an address, and a name that people see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: String,
}

impl Mailbox {
    /// Reads `orders@example.com`, `Orders <orders@example.com>` or the same with a quoted name.
    ///
    /// # Errors
    /// One line that says what is wrong, without the setting's name.
    pub fn parse(text: &str) -> Result<Mailbox, String> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (unquoted(name.trim()), address),
            None => (String::new(), text),
        };
        if name.chars().any(char::is_control) {
            return Err("the name has a control character".to_owned());
        }
        if !is_plain(address) {
            return Err(format!(
                "{:?} is neither `orders@example.com` nor `Orders <orders@example.com>`",
                text
            ));
        }
        let name = Some(name).filter(|name| !name.is_empty());
        Ok(Mailbox { name, address: address.to_owned() })
    }
}

/// True for an address that can stand between `<` and `>` in an SMTP command: printable
/// ASCII without spaces and angle brackets, with something on both sides of an `@`.
pub fn is_plain(address: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
    address.len() <= MAX_ADDRESS_LEN
        && address.bytes().all(harmless)
        && address.rsplit_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
}

/// Takes the quotes of a quoted string off, and the backslashes within (RFC 5322, 3.2.4).
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            _ => plain.push(char),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(text: &str, name: Option<&str>, address: &str) {
        let expected = Mailbox { name: name.map(str::to_owned), address: address.to_owned() };
        assert_eq!(Mailbox::parse(text), Ok(expected));
    }

    #[test]
    fn a_sender_is_read_with_and_without_a_name() {
        parsed("orders@localhost", None, "orders@localhost");
        parsed("<orders@example.com>", None, "orders@example.com");
        parsed(" The Shop <orders@example.com> ", Some("The Shop"), "orders@example.com");
        parsed(r#""Shop, \"Ltd\"" <a@b.de>"#, Some(r#"Shop, "Ltd""#), "a@b.de");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "orders", "@b", "a@", "Shop <a b@c>", "a@b>, <c@d", "a@b\r\nDATA", "ü@b"]
        {
            assert!(Mailbox::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Mailbox::parse("Sh\nop <a@b>").is_err());
    }

    #[test]
    fn nothing_that_could_end_a_command_is_plain() {
        for wrong in
            ["a@b\r\nRCPT TO:<c@d>", "a@b> x", "a<@b", "a @b", "a@b\u{0}", "a@b\t", "a@b\u{7f}"]
        {
            assert!(!is_plain(wrong), "{wrong:?}");
        }
        assert!(is_plain("ada.l+x'y@mail.example.com"));
        assert!(!is_plain(&format!("{}@b", "a".repeat(254))));
    }
}
