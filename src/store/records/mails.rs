//! The rows of mails that have left their order's row, or never were in one.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::{EmailAddress, MailId, MailKind, MessageId, OrderId};
use crate::error::{Error, Result};

/// A mail that waits. The order, its user and the address are looked up when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingRecord {
    /// Of the order with the mail's own number.
    V1 {
        message_id: String,
        due_micros: u64,
        first_tried_micros: u64,
        attempts: u32,
        last_error: Option<String>,
    },
    V2 {
        mail: MailRecord,
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
    V2 { mail: MailRecord, sent_micros: u64, attempts: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum DeadRecord {
    V1 { message_id: String, died_micros: u64, attempts: u32, last_error: String },
    V2 { mail: MailRecord, died_micros: u64, attempts: u32, last_error: String },
}

/// What a mail is, whatever has become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRecord {
    order: u64,
    kind: u8,
    /// 0: when its order was placed.
    queued_secs: u64,
    /// Empty where the mail's own row could not be read.
    message_id: String,
    /// Where it goes, unless to the customer.
    to: Option<String>,
}

/// What a mail is, as it was queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailIdentity {
    pub order: OrderId,
    pub kind: MailKind,
    /// None: when its order was placed.
    pub queued_at: Option<Timestamp>,
    pub message_id: MessageId,
    /// Where it goes, unless to the customer.
    pub to: Option<EmailAddress>,
}

/// A pending mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMail {
    pub mail: MailIdentity,
    pub due: Timestamp,
    /// When the first attempt was made.
    pub first_tried: Option<Timestamp>,
    pub attempts: u32,
    pub last_error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    pub mail: MailIdentity,
    pub at: Timestamp,
    pub attempts: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadMail {
    pub mail: MailIdentity,
    pub at: Timestamp,
    pub attempts: u32,
    pub last_error: String,
}

impl MailIdentity {
    /// The first mail of an order, which tells that it was placed.
    pub fn first(order: OrderId, message_id: MessageId) -> MailIdentity {
        MailIdentity { order, kind: MailKind::Placed, queued_at: None, message_id, to: None }
    }

    /// Of a mail whose own row can't be read. It has no Message-ID, and can't be sent.
    pub fn unreadable(order: OrderId) -> MailIdentity {
        MailIdentity::first(order, MessageId(String::new()))
    }

    pub fn is_unreadable(&self) -> bool {
        self.message_id.0.is_empty()
    }
}

impl PendingMail {
    /// Never tried, or to be tried as if it never was.
    pub fn fresh(mail: MailIdentity, due: Timestamp) -> PendingMail {
        PendingMail { mail, due, first_tried: None, attempts: 0, last_error: None }
    }
}

impl From<&MailIdentity> for MailRecord {
    fn from(mail: &MailIdentity) -> MailRecord {
        MailRecord {
            order: mail.order.0,
            kind: mail.kind.code(),
            queued_secs: mail.queued_at.map_or(0, Timestamp::as_secs),
            message_id: mail.message_id.0.clone(),
            to: mail.to.as_ref().map(|to| to.as_str().to_owned()),
        }
    }
}

impl MailRecord {
    fn into_identity(self) -> Result<MailIdentity> {
        let order = self.order;
        let spoilt = || Error::Internal(format!("a mail of order {order} can't be read"));
        let to = self.to.map(|to| EmailAddress::parse(&to)).transpose();
        Ok(MailIdentity {
            order: OrderId(order),
            kind: MailKind::of_code(self.kind).ok_or_else(spoilt)?,
            queued_at: (self.queued_secs > 0).then(|| Timestamp::from_secs(self.queued_secs)),
            message_id: MessageId(self.message_id),
            to: to.map_err(|_| spoilt())?,
        })
    }
}

/// Before version 5 a mail had the number of its order.
fn of_old(id: MailId, message_id: String) -> MailIdentity {
    MailIdentity::first(OrderId(id.0), MessageId(message_id))
}

impl PendingRecord {
    pub fn of(pending: &PendingMail) -> PendingRecord {
        PendingRecord::V2 {
            mail: MailRecord::from(&pending.mail),
            due_micros: pending.due.as_micros(),
            first_tried_micros: pending.first_tried.map_or(0, Timestamp::as_micros),
            attempts: pending.attempts,
            last_error: pending.last_error.clone(),
        }
    }

    pub fn into_mail(self, id: MailId) -> Result<PendingMail> {
        let (mail, due_micros, first_tried_micros, attempts, last_error) = match self {
            PendingRecord::V1 {
                message_id,
                due_micros,
                first_tried_micros,
                attempts,
                last_error,
            } => (of_old(id, message_id), due_micros, first_tried_micros, attempts, last_error),
            PendingRecord::V2 { mail, due_micros, first_tried_micros, attempts, last_error } => {
                (mail.into_identity()?, due_micros, first_tried_micros, attempts, last_error)
            }
        };
        let first_tried = (attempts > 0).then(|| Timestamp::from_micros(first_tried_micros));
        let due = Timestamp::from_micros(due_micros);
        Ok(PendingMail { mail, due, first_tried, attempts, last_error })
    }
}

impl SentRecord {
    pub fn of(sent: &SentMail) -> SentRecord {
        let (mail, sent_micros) = (MailRecord::from(&sent.mail), sent.at.as_micros());
        SentRecord::V2 { mail, sent_micros, attempts: sent.attempts }
    }

    pub fn into_mail(self, id: MailId) -> Result<SentMail> {
        let (mail, sent_micros, attempts) = match self {
            SentRecord::V1 { message_id, sent_micros, attempts } => {
                (of_old(id, message_id), sent_micros, attempts)
            }
            SentRecord::V2 { mail, sent_micros, attempts } => {
                (mail.into_identity()?, sent_micros, attempts)
            }
        };
        Ok(SentMail { mail, at: Timestamp::from_micros(sent_micros), attempts })
    }
}

impl DeadRecord {
    pub fn of(dead: &DeadMail) -> DeadRecord {
        let (attempts, last_error) = (dead.attempts, dead.last_error.clone());
        let (mail, died_micros) = (MailRecord::from(&dead.mail), dead.at.as_micros());
        DeadRecord::V2 { mail, died_micros, attempts, last_error }
    }

    pub fn into_mail(self, id: MailId) -> Result<DeadMail> {
        let (mail, died_micros, attempts, last_error) = match self {
            DeadRecord::V1 { message_id, died_micros, attempts, last_error } => {
                (of_old(id, message_id), died_micros, attempts, last_error)
            }
            DeadRecord::V2 { mail, died_micros, attempts, last_error } => {
                (mail.into_identity()?, died_micros, attempts, last_error)
            }
        };
        Ok(DeadMail { mail, at: Timestamp::from_micros(died_micros), attempts, last_error })
    }
}
