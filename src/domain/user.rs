//! Users.

use std::fmt;

use crate::clock::Timestamp;
use crate::domain::unicode::{self, nfc};
use crate::domain::{EmailAddress, Password};
use crate::error::Problem;

/// From 1, rising, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    User,
    Admin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub username: Username,
    pub email: EmailAddress,
    pub role: Role,
    pub created_at: Timestamp,
    /// A disabled user's logins and tokens are refused.
    pub disabled: bool,
    /// Each token carries the generation that it was issued in. Another one ends all tokens; it is
    /// random, so that no token fits a user who gets an id again after an older backup was
    /// restored.
    pub token_generation: u32,
    /// A PHC string.
    pub password_hash: String,
}

/// A user to be created. The password is not hashed yet.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub username: Username,
    pub email: EmailAddress,
    pub password: Password,
    pub role: Role,
}

/// 1 to 64 characters that can be seen, without blanks around, in Normalization Form C. In the
/// spirit of RFC 8265's UsernameCasePreserved, but symbols and the space are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    pub const MAX_CHARS: usize = 64;

    pub fn parse(text: &str) -> Result<Username, Problem> {
        let name = nfc(text.trim());
        if name.is_empty() {
            return Err(Problem::TooShort { min: 1 });
        }
        if name.chars().count() > Self::MAX_CHARS {
            return Err(Problem::TooLong { max: Self::MAX_CHARS });
        }
        if !unicode::is_visible(&name) {
            let reason = "Control and invisible characters are not allowed".into();
            return Err(Problem::Value { reason });
        }
        Ok(Username(name.into_owned()))
    }

    /// A name that a user has already: earlier versions checked less, and it goes on working.
    pub fn stored(text: &str) -> Username {
        Username(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared: `Ann`, `ann` and ` ANN` are one user.
    pub fn fold(text: &str) -> String {
        unicode::fold(text.trim())
    }

    /// The form in which names were compared before they were compared by [`Username::fold`].
    pub fn fold_of_old(text: &str) -> String {
        text.to_lowercase()
    }
}

impl Role {
    pub const EXPECTED: &str = "'user' or 'admin'";

    pub fn parse(text: &str) -> Option<Role> {
        match text {
            "user" => Some(Role::User),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_is_1_to_64_characters_that_can_be_seen() {
        assert!(Username::parse(&"ü".repeat(64)).is_ok());
        assert!(Username::parse(&"u\u{308}".repeat(64)).is_ok());
        assert_eq!(Username::parse(" \t"), Err(Problem::TooShort { min: 1 }));
        assert_eq!(Username::parse(""), Err(Problem::TooShort { min: 1 }));
        assert_eq!(Username::parse(&"x".repeat(65)), Err(Problem::TooLong { max: 64 }));
        for hidden in ["a\nb", "a\u{200b}", "\u{202e}nna"] {
            assert!(matches!(Username::parse(hidden), Err(Problem::Value { .. })), "{hidden:?}");
        }
        assert_eq!(Username::parse(" Ann Lee\n").unwrap().as_str(), "Ann Lee");
        assert_eq!(Username::parse("Jose\u{301}").unwrap().as_str(), "Jos\u{e9}");
    }

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(Username::fold("ÄNNE"), Username::fold(" änne"));
    }
}
