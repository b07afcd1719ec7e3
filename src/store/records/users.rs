//! What lies in the row of a user.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::{EmailAddress, Role, User, UserId, Username};
use crate::error::{Error, Result};

#[derive(Debug, Serialize, Deserialize)]
pub enum UserRecord<'a> {
    V1 {
        username: &'a str,
        email: &'a str,
        admin: bool,
        created_secs: u64,
        disabled: bool,
        token_generation: u32,
        password_hash: &'a str,
    },
}

impl<'a> UserRecord<'a> {
    pub fn of(user: &'a User) -> UserRecord<'a> {
        UserRecord::V1 {
            username: user.username.as_str(),
            email: user.email.as_str(),
            admin: user.role == Role::Admin,
            created_secs: user.created_at.as_secs(),
            disabled: user.disabled,
            token_generation: user.token_generation,
            password_hash: &user.password_hash,
        }
    }

    pub fn into_user(self, id: u64) -> Result<User> {
        let UserRecord::V1 {
            username,
            email,
            admin,
            created_secs,
            disabled,
            token_generation,
            password_hash,
        } = self;
        let spoilt = |_| Error::Internal(format!("user {id} has an invalid address"));
        Ok(User {
            id: UserId(id),
            username: Username::stored(username),
            email: EmailAddress::parse(email).map_err(spoilt)?,
            role: if admin { Role::Admin } else { Role::User },
            created_at: Timestamp::from_secs(created_secs),
            disabled,
            token_generation,
            password_hash: password_hash.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;

    #[test]
    fn a_user_survives_its_record() {
        let user = User {
            id: UserId(7),
            username: Username::parse("Ann").unwrap(),
            email: EmailAddress::parse("ann@example.com").unwrap(),
            role: Role::Admin,
            created_at: Timestamp::from_secs(1_759_816_691),
            disabled: true,
            token_generation: 3,
            password_hash: "$scrypt$".into(),
        };
        let bytes = encode(&UserRecord::of(&user)).unwrap();
        assert_eq!(decode::<UserRecord>(&bytes).unwrap().into_user(7).unwrap(), user);
    }
}
