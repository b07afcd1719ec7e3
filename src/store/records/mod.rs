//! The values of the tables: postcard, in enums whose variant is the record's version. Once
//! released, a variant is never changed; a new shape is a new variant.

mod api_keys;
mod content;
mod events;
mod history;
mod mails;
mod parts;
mod users;
mod webhooks;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::event::EventId;
use crate::domain::order::OrderBody;
use crate::domain::{MailId, MessageId, Order, OrderId, Outcome, UserId};
use crate::error::{Error, Result};

pub use api_keys::ApiKeyRecord;
pub use content::ContentRecord;
pub use events::EventRecord;
pub use mails::{
    DeadMail, DeadRecord, MailIdentity, PendingMail, PendingRecord, SentMail, SentRecord,
};
pub use users::UserRecord;
pub use webhooks::{AttemptRecord, WebhookRecord};

/// An order. With `()` as its body only what stands before the body is read, which is enough to
/// tell whose it is, when it was placed, and which mail it has.
#[derive(Debug, Serialize, Deserialize)]
pub enum OrderRecord<'a, Body = BodyRecord> {
    /// Simple. Its mail has a row of its own, under the order's number.
    V1 { user: u64, success: bool, created_secs: u64 },
    /// Simple. Holds its mail until that is first tried; the mail has the order's number.
    V2 { user: u64, success: bool, created_secs: u64, message_id: &'a str },
    V3 {
        #[serde(borrow)]
        head: OrderHead<'a>,
        body: Body,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct OrderHead<'a> {
    user: u64,
    created_secs: u64,
    /// The largest mail id that was given when the order was placed: of its own first mail, where
    /// it has one. So it rises with the order's id, and the order of a mail is found by it.
    mail: u64,
    /// Of its first mail, which the row holds until it is first tried; empty where it has none.
    message_id: &'a str,
    /// The largest event id that was given when the order was placed: of its own event, where it
    /// has one. It rises with the order's id, too.
    event: u64,
    /// When its own event was; 0 where it has none.
    event_micros: u64,
    /// Who placed it; 0 for the operator.
    placed_by: u64,
}

/// What an order's row says of the feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventMark {
    /// The largest event id that was given when the order was placed.
    pub id: EventId,
    /// When the event of its placing was, which has that id; none where there was no feed then.
    pub at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum BodyRecord {
    Simple { success: bool },
    Content(Box<ContentRecord>),
}

/// The mail in an order's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstMail<'a> {
    pub id: MailId,
    pub message_id: &'a str,
}

/// Fails only where the record's type can't be encoded at all.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(record).map_err(Error::internal)
}

pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|why| Error::Internal(format!("unreadable record: {why}")))
}

impl<'a> OrderRecord<'a> {
    /// `mail` is the largest mail id that was given so far: of the order's first mail, where it
    /// has one.
    pub fn of(
        order: &Order,
        mail: MailId,
        message_id: Option<&'a MessageId>,
        event: EventMark,
    ) -> OrderRecord<'a> {
        let placed_by = match order.content() {
            None => Some(order.user),
            Some(content) => content.placed_by.user,
        };
        let head = OrderHead {
            user: order.user.0,
            created_secs: order.created_at.as_secs(),
            mail: mail.0,
            message_id: message_id.map_or("", |id| &id.0),
            event: event.id.0,
            event_micros: event.at.map_or(0, Timestamp::as_micros),
            placed_by: placed_by.map_or(0, |user| user.0),
        };
        OrderRecord::V3 { head, body: BodyRecord::of(order) }
    }

    /// The row of the same order after a change. Its mail stays as it is.
    pub fn changed_to(self, order: &Order) -> OrderRecord<'a> {
        match self {
            OrderRecord::V3 { head, .. } => OrderRecord::V3 { head, body: BodyRecord::of(order) },
            simple => simple,
        }
    }

    /// All mails that the order has sent so far.
    pub fn mails(&self, id: u64) -> Vec<MailId> {
        match self {
            OrderRecord::V3 { body: BodyRecord::Content(content), .. } => content.mails(),
            _ => vec![self.mail_mark(id)],
        }
    }

    /// # Errors
    /// The row holds what no order can have.
    pub fn into_order(self, id: u64) -> Result<Order> {
        let (user, created_at) = (self.user(), self.created_at());
        let body = match self {
            OrderRecord::V1 { success, .. }
            | OrderRecord::V2 { success, .. }
            | OrderRecord::V3 { body: BodyRecord::Simple { success }, .. } => {
                OrderBody::Simple(Outcome::from_success(success))
            }
            OrderRecord::V3 { body: BodyRecord::Content(content), .. } => {
                let spoilt = || Error::Internal(format!("order {id} can't be read"));
                OrderBody::Content(Box::new(content.into_content().ok_or_else(spoilt)?))
            }
        };
        Ok(Order { id: OrderId(id), user, created_at, body })
    }
}

impl<'a, Body> OrderRecord<'a, Body> {
    /// The largest mail id that was given when the order was placed.
    pub fn mail_mark(&self, id: u64) -> MailId {
        match self {
            OrderRecord::V1 { .. } | OrderRecord::V2 { .. } => MailId(id),
            OrderRecord::V3 { head, .. } => MailId(head.mail),
        }
    }

    /// The mail that was in this row from the start. Whether it still is there,
    /// `mails_taken_up_to` tells.
    pub fn first_mail(&self, id: u64) -> Option<FirstMail<'a>> {
        let message_id = match self {
            OrderRecord::V1 { .. } => return None,
            OrderRecord::V2 { message_id, .. } => message_id,
            OrderRecord::V3 { head, .. } if head.message_id.is_empty() => return None,
            OrderRecord::V3 { head, .. } => head.message_id,
        };
        Some(FirstMail { id: self.mail_mark(id), message_id })
    }

    /// The feed began with version 5: older orders have no events.
    pub fn event_mark(&self) -> EventMark {
        match self {
            OrderRecord::V1 { .. } | OrderRecord::V2 { .. } => EventMark::default(),
            OrderRecord::V3 { head, .. } => EventMark {
                id: EventId(head.event),
                at: (head.event_micros > 0).then(|| Timestamp::from_micros(head.event_micros)),
            },
        }
    }

    /// Who placed it; none for the operator.
    pub fn placed_by(&self) -> Option<UserId> {
        match self {
            OrderRecord::V1 { user, .. } | OrderRecord::V2 { user, .. } => Some(UserId(*user)),
            OrderRecord::V3 { head, .. } => (head.placed_by > 0).then_some(UserId(head.placed_by)),
        }
    }

    pub fn user(&self) -> UserId {
        let (OrderRecord::V1 { user, .. }
        | OrderRecord::V2 { user, .. }
        | OrderRecord::V3 { head: OrderHead { user, .. }, .. }) = self;
        UserId(*user)
    }

    pub fn created_at(&self) -> Timestamp {
        let (OrderRecord::V1 { created_secs, .. }
        | OrderRecord::V2 { created_secs, .. }
        | OrderRecord::V3 { head: OrderHead { created_secs, .. }, .. }) = self;
        Timestamp::from_secs(*created_secs)
    }
}

impl BodyRecord {
    fn of(order: &Order) -> BodyRecord {
        match &order.body {
            OrderBody::Simple(outcome) => BodyRecord::Simple { success: outcome.is_success() },
            OrderBody::Content(content) => {
                BodyRecord::Content(Box::new(ContentRecord::from(&**content)))
            }
        }
    }
}

/// What stands before the body in an order's row.
pub(super) type OrderPrefix<'a> = OrderRecord<'a, ()>;

/// The order of a row, which has this id.
pub(super) fn decode_order(id: u64, bytes: &[u8]) -> Result<Order> {
    decode::<OrderRecord<'_>>(bytes)?.into_order(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MailKind;

    fn order(body: OrderBody) -> Order {
        let created_at = Timestamp::from_secs(1_759_816_691);
        Order { id: OrderId(7), user: UserId(3), created_at, body }
    }

    #[test]
    fn a_simple_order_survives_its_record_in_every_version() {
        let order = order(OrderBody::Simple(Outcome::Failed));
        let message_id = MessageId("a@b".into());
        let mark = EventMark { id: EventId(4), at: Some(Timestamp::from_micros(7)) };
        let bytes = encode(&OrderRecord::of(&order, MailId(9), Some(&message_id), mark)).unwrap();
        let first = Some(FirstMail { id: MailId(9), message_id: "a@b" });
        assert_eq!(decode::<OrderPrefix>(&bytes).unwrap().first_mail(7), first);
        let prefix = decode::<OrderPrefix>(&bytes).unwrap();
        assert_eq!((prefix.event_mark(), prefix.placed_by()), (mark, Some(UserId(3))));
        assert_eq!(decode_order(7, &bytes).unwrap(), order);
        let (user, success, created_secs) = (3, false, 1_759_816_691);
        let first_version = OrderRecord::V1 { user, success, created_secs };
        assert_eq!((first_version.first_mail(7), first_version.mail_mark(7)), (None, MailId(7)));
        assert_eq!(first_version.into_order(7).unwrap(), order);
        let second = OrderRecord::V2 { user, success, created_secs, message_id: "a@b" };
        let first = Some(FirstMail { id: MailId(7), message_id: "a@b" });
        assert_eq!(second.first_mail(7), first);
        assert_eq!(second.into_order(7).unwrap(), order);
    }

    #[test]
    fn an_order_with_content_survives_its_record_and_its_mail_a_change() {
        let mut content = content::tests::content();
        let before = order(OrderBody::Content(Box::new(content.clone())));
        let bytes =
            encode(&OrderRecord::of(&before, MailId(9), None, EventMark::default())).unwrap();
        assert_eq!(decode_order(7, &bytes).unwrap(), before);
        let prefix = decode::<OrderPrefix>(&bytes).unwrap();
        assert_eq!((prefix.first_mail(7), prefix.mail_mark(7)), (None, MailId(9)));
        content.details.note = Some("changed".into());
        let after = order(OrderBody::Content(Box::new(content)));
        let record = decode::<OrderRecord>(&bytes).unwrap().changed_to(&after);
        assert_eq!(record.mail_mark(7), MailId(9));
        assert_eq!(record.into_order(7).unwrap(), after);
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
            decode::<OrderRecord>(b"\x00\x03\x01\x05").unwrap(),
            OrderRecord::V1 { user: 3, success: true, created_secs: 5 }
        ));
        assert!(matches!(
            decode::<OrderRecord>(b"\x01\x03\x01\x05\x03m@b").unwrap(),
            OrderRecord::V2 { user: 3, success: true, created_secs: 5, message_id: "m@b" }
        ));
        let simple = decode(b"\x02\x03\x05\x09\x03m@b\x04\x08\x03\x00\x01").unwrap();
        let OrderRecord::V3 { head, body: BodyRecord::Simple { success: true } } = simple else {
            panic!("{simple:?}")
        };
        let OrderHead { user, created_secs, mail, message_id, event, event_micros, placed_by } =
            head;
        assert_eq!((event, event_micros, placed_by), (4, 8, 3));
        assert_eq!((user, created_secs, mail, message_id), (3, 5, 9, "m@b"));
        let at = Timestamp::from_micros;
        let old = MailIdentity::first(OrderId(6), MessageId("m@b".into()));
        let bytes = b"\x00\x03m@b\x05\x04\x02\x01\x03why";
        let pending = decode::<PendingRecord>(bytes).unwrap().into_mail(MailId(6)).unwrap();
        let mail = old.clone();
        let (due, first_tried, last_error) = (at(5), Some(at(4)), Some("why".into()));
        assert_eq!(pending, PendingMail { mail, due, first_tried, attempts: 2, last_error });
        let bytes = b"\x00\x03m@b\x05\x02";
        let sent = decode::<SentRecord>(bytes).unwrap().into_mail(MailId(6)).unwrap();
        assert_eq!(sent, SentMail { mail: old.clone(), at: at(5), attempts: 2 });
        let bytes = b"\x00\x03m@b\x05\x02\x03why";
        let dead = decode::<DeadRecord>(bytes).unwrap().into_mail(MailId(6)).unwrap();
        let last_error = "why".to_owned();
        assert_eq!(dead, DeadMail { mail: old, at: at(5), attempts: 2, last_error });
        let bytes = b"\x01\x08\x01\x07\x03m@b\x00\x05\x02";
        let sent = decode::<SentRecord>(bytes).unwrap().into_mail(MailId(6)).unwrap();
        assert_eq!((sent.mail.order, sent.mail.kind), (OrderId(8), MailKind::Ready));
        assert_eq!(sent.mail.queued_at, Some(Timestamp::from_secs(7)));
    }
}
