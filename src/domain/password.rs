//! Passwords, and the policy that they meet.

use std::fmt;

use crate::domain::unicode::nfc;

/// A password that meets the policy: 8 to 128 characters, among them an upper-case
/// and a lower-case letter, a digit and one of [`SPECIAL`]. In Normalization Form C (RFC 8265,
/// 4.2), so that it fits however a keyboard writes it.
#[derive(Clone)]
pub struct Password(String);

pub const SPECIAL: &str = "!@#$%^&*()_+-=[]{}|;:,.<>?";

/// The policy in words, as the API gives it.
pub const POLICY: &str = "Password must be at least 8 characters with uppercase, lowercase, digit, and special character";

impl Password {
    pub const MIN_CHARS: usize = 8;
    pub const MAX_CHARS: usize = 128;

    /// `None` if `text` doesn't meet the [`POLICY`].
    pub fn parse(text: &str) -> Option<Password> {
        let text = nfc(text);
        let length = text.chars().count();
        let meets = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&length)
            && text.chars().any(char::is_uppercase)
            && text.chars().any(char::is_lowercase)
            && text.chars().any(|c| c.is_ascii_digit())
            && text.chars().any(|c| SPECIAL.contains(c));
        meets.then(|| Password(text.into_owned()))
    }

    /// A password that is not checked, because no user chose it: the default `Admin123`, or a
    /// random one.
    pub fn given(text: String) -> Password {
        Password(nfc(&text).into_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(**********)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_all_four_kinds_and_8_to_128_characters() {
        for good in ["Secure1!", &format!("Aa1?{}", "x".repeat(124))] {
            assert!(Password::parse(good).is_some(), "{good}");
        }
        let too_long = format!("Aa1?{}", "x".repeat(125));
        for bad in ["Secur1!", "secure1!", "SECURE1!", "Secure!!", "Secure11", "", &too_long] {
            assert!(Password::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_counted_and_kept_in_normal_form_c() {
        let typed = Password::parse("Se\u{301}cu1!").map(|it| it.0);
        assert_eq!(typed, None, "seven characters");
        assert_eq!(Password::parse("Se\u{301}cure1!").unwrap().as_str(), "S\u{e9}cure1!");
    }

    #[test]
    fn a_password_never_prints_itself() {
        assert!(!format!("{:?}", Password::parse("Secure1!")).contains("Secure1!"));
    }
}
