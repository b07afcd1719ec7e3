//! Which addresses are safe in an SMTP command. They were checked when they were stored;
//! this is the last check before the wire.

/// The longest address that fits an SMTP path, in bytes (RFC 5321, 4.5.3.1.3).
const MAX_LEN: usize = 254;

/// True for an address that can stand between `<` and `>` in an SMTP command: printable
/// ASCII without spaces and angle brackets, with something on both sides of an `@`.
pub fn is_plain(address: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
    address.len() <= MAX_LEN
        && address.bytes().all(harmless)
        && address.rsplit_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

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
