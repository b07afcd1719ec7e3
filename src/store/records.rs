//! The values of the tables: postcard, in enums whose variant is the record's version. Once
//! released, a variant is never changed; a new shape is a new variant.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::{
    EmailAddress, MessageId, Order, OrderId, Outcome, Role, User, UserId, Username,
};
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

#[derive(Debug, Serialize, Deserialize)]
pub enum OrderRecord<'a> {
    /// Its mail has a row of its own.
    V1 { user: u64, success: bool, created_secs: u64 },
    /// Holds its mail until that is first tried.
    V2 { user: u64, success: bool, created_secs: u64, message_id: &'a str },
}

/// A mail that waits in a row of its own. The order, its user and the address are looked up when
/// it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingRecord {
    V1 {
        message_id: String,
        /// Together with the mail's id the key in `mails_due`.
        due_micros: u64,
        /// When the first attempt was made; 0 before it.
        first_tried_micros: u64,
        attempts: u32,
        last_error: Option<String>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum SentRecord {
    V1 { message_id: String, sent_micros: u64, attempts: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum DeadRecord {
    V1 { message_id: String, died_micros: u64, attempts: u32, last_error: String },
}

/// Fails only where the record's type can't be encoded at all.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(record).map_err(Error::internal)
}

pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|why| Error::Internal(format!("unreadable record: {why}")))
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

impl<'a> OrderRecord<'a> {
    pub fn of(order: &Order, message_id: &'a MessageId) -> OrderRecord<'a> {
        OrderRecord::V2 {
            user: order.user.0,
            success: order.outcome.is_success(),
            created_secs: order.created_at.as_secs(),
            message_id: &message_id.0,
        }
    }

    /// The Message-ID of a mail that was in this row from the start. Whether it still is there,
    /// `mails_taken_up_to` tells.
    pub fn message_id(&self) -> Option<&'a str> {
        match self {
            OrderRecord::V1 { .. } => None,
            OrderRecord::V2 { message_id, .. } => Some(message_id),
        }
    }

    pub fn order(&self, id: u64) -> Order {
        let (OrderRecord::V1 { user, success, created_secs }
        | OrderRecord::V2 { user, success, created_secs, .. }) = *self;
        Order {
            id: OrderId(id),
            user: UserId(user),
            outcome: Outcome::from_success(success),
            created_at: Timestamp::from_secs(created_secs),
        }
    }
}

impl PendingRecord {
    /// Of a mail that was never tried, or that is to be tried as if it never was.
    pub fn fresh(message_id: &str, due: Timestamp) -> PendingRecord {
        PendingRecord::V1 {
            message_id: message_id.to_owned(),
            due_micros: due.as_micros(),
            first_tried_micros: 0,
            attempts: 0,
            last_error: None,
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn an_order_survives_its_record_in_either_version() {
        let order = Order {
            id: OrderId(7),
            user: UserId(3),
            outcome: Outcome::from_success(false),
            created_at: Timestamp::from_secs(1_759_816_691),
        };
        let message_id = MessageId("a@b".into());
        let bytes = encode(&OrderRecord::of(&order, &message_id)).unwrap();
        let record = decode::<OrderRecord>(&bytes).unwrap();
        assert_eq!((record.order(7), record.message_id()), (order, Some("a@b")));
        let old = OrderRecord::V1 { user: 3, success: false, created_secs: 1_759_816_691 };
        assert_eq!((old.order(7), old.message_id()), (order, None));
    }

    #[test]
    fn a_record_of_an_unknown_version_is_an_error_and_no_panic() {
        assert!(decode::<OrderRecord>(&[9, 1, 1, 1]).is_err());
        assert!(decode::<OrderRecord>(&[]).is_err());
    }

    /// As they lie in files: a released variant is never changed.
    #[test]
    fn every_record_that_was_released_is_read_from_its_bytes() {
        let user = b"\x00\x03ann\x07a@b.com\x01\x05\x00\x02\x04hash";
        assert!(matches!(
            decode(user).unwrap(),
            UserRecord::V1 {
                username: "ann",
                email: "a@b.com",
                admin: true,
                created_secs: 5,
                disabled: false,
                token_generation: 2,
                password_hash: "hash",
            }
        ));
        assert!(matches!(
            decode(b"\x00\x03\x01\x05").unwrap(),
            OrderRecord::V1 { user: 3, success: true, created_secs: 5 }
        ));
        assert!(matches!(
            decode(b"\x01\x03\x01\x05\x03m@b").unwrap(),
            OrderRecord::V2 { user: 3, success: true, created_secs: 5, message_id: "m@b" }
        ));
        let message_id = "m@b".to_owned();
        let pending = PendingRecord::V1 {
            message_id,
            due_micros: 5,
            first_tried_micros: 4,
            attempts: 2,
            last_error: Some("why".into()),
        };
        let bytes = b"\x00\x03m@b\x05\x04\x02\x01\x03why";
        assert_eq!(decode::<PendingRecord>(bytes).unwrap(), pending);
        let SentRecord::V1 { message_id, sent_micros, attempts } =
            decode(b"\x00\x03m@b\x05\x02").unwrap();
        assert_eq!((message_id.as_str(), sent_micros, attempts), ("m@b", 5, 2));
        let DeadRecord::V1 { message_id, died_micros, attempts, last_error } =
            decode(b"\x00\x03m@b\x05\x02\x03why").unwrap();
        assert_eq!((message_id.as_str(), died_micros, attempts), ("m@b", 5, 2));
        assert_eq!(last_error, "why");
    }
}
