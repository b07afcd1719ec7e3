//! Users.

use std::fmt;

use crate::clock::Timestamp;
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
    /// Each token carries the generation that it was issued in. Raising it revokes all tokens.
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

/// 1 to 64 characters, none of them a control character; kept as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    pub const MAX_CHARS: usize = 64;

    pub fn parse(text: &str) -> Result<Username, Problem> {
        if text.is_empty() {
            return Err(Problem::TooShort { min: 1 });
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Problem::TooLong { max: Self::MAX_CHARS });
        }
        if text.chars().any(char::is_control) {
            return Err(Problem::Value { reason: "Control characters are not allowed".into() });
        }
        Ok(Username(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared: `Ann` and `ann` are one user.
    pub fn fold(text: &str) -> String {
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
    fn a_username_is_1_to_64_characters_without_controls() {
        assert!(Username::parse(&"ü".repeat(64)).is_ok());
        assert_eq!(Username::parse(""), Err(Problem::TooShort { min: 1 }));
        assert_eq!(Username::parse(&"x".repeat(65)), Err(Problem::TooLong { max: 64 }));
        assert!(matches!(Username::parse("a\nb"), Err(Problem::Value { .. })));
    }

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(Username::fold("ÄNNE"), Username::fold("änne"));
    }
}
