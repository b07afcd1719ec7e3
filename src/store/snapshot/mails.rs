//! Reading the outbox: what is due, and what became of the rest.

use std::ops::Bound;

use redb::ReadableTable;

use super::Snapshot;
use super::orders::require_order;
use crate::clock::Timestamp;
use crate::domain::{Mail, MailId, MailState, MessageId};
use crate::error::{Error, Result};
use crate::store::records::{DeadRecord, PendingRecord, SentRecord, decode};
use crate::store::schema;

/// Mails whose time has come, and when the next one's will.
#[derive(Debug, Default)]
pub struct DueMails {
    pub mails: Vec<Mail>,
    pub spoilt: Vec<SpoiltMail>,
    pub next_due: Option<Timestamp>,
}

/// A mail that is due and can't be read.
#[derive(Debug)]
pub struct SpoiltMail {
    pub id: MailId,
    pub due: Timestamp,
    pub error: Error,
}

/// The three ways a mail can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailShelf {
    Pending,
    Sent,
    Dead,
}

impl Snapshot {
    /// Pending mails that are due at `now`, the longest due first, `limit` at most. One that
    /// can't be read stops none of the others.
    pub fn due_mails(&self, now: Timestamp, limit: usize) -> Result<DueMails> {
        let due = self.open(schema::MAILS_DUE)?;
        let mut found = DueMails::default();
        for row in due.iter().map_err(Error::storage)? {
            let (at, id) = row.map_err(Error::storage)?.0.value();
            if at > now.as_micros() || found.mails.len() + found.spoilt.len() >= limit {
                found.next_due = Some(Timestamp::from_micros(at));
                break;
            }
            match self.pending_mail(MailId(id)) {
                Ok(mail) => found.mails.push(mail),
                Err(error @ Error::Internal(_)) => {
                    let due = Timestamp::from_micros(at);
                    found.spoilt.push(SpoiltMail { id: MailId(id), due, error });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Mails of one shelf with ids above `after`, rising, `limit` at most.
    pub fn mails(&self, shelf: MailShelf, after: MailId, limit: usize) -> Result<Vec<Mail>> {
        let table = self.open(shelf.table())?;
        let range = (Bound::Excluded(after.0), Bound::Unbounded);
        let rows = table.range::<u64>(range).map_err(Error::storage)?;
        rows.take(limit)
            .map(|row| {
                let (id, record) = row.map_err(Error::storage)?;
                self.compose(MailId(id.value()), shelf, record.value())
            })
            .collect()
    }

    /// The mail with that id, on whichever shelf it is.
    pub fn mail(&self, id: MailId) -> Result<Option<Mail>> {
        for shelf in [MailShelf::Pending, MailShelf::Sent, MailShelf::Dead] {
            if let Some(row) = self.open(shelf.table())?.get(id.0).map_err(Error::storage)? {
                return self.compose(id, shelf, row.value()).map(Some);
            }
        }
        Ok(None)
    }

    fn pending_mail(&self, id: MailId) -> Result<Mail> {
        let table = self.open(schema::MAILS_PENDING)?;
        let row = table.get(id.0).map_err(Error::storage)?;
        let row =
            row.ok_or_else(|| Error::Internal(format!("mail {id} is due and not pending")))?;
        self.compose(id, MailShelf::Pending, row.value())
    }

    /// A mail with the order that it is about and the user whom it goes to.
    fn compose(&self, id: MailId, shelf: MailShelf, record: &[u8]) -> Result<Mail> {
        let order = require_order(&self.open(schema::ORDERS)?, id.order().0)?;
        let user = self.user(order.user)?;
        let user = user.ok_or_else(|| Error::Internal(format!("order {id} has no user")))?;
        let row = shelf.read(record)?;
        Ok(Mail {
            id,
            message_id: MessageId(row.message_id),
            order,
            username: user.username.as_str().to_owned(),
            to: user.email,
            attempts: row.attempts,
            first_tried: row.first_tried,
            last_error: row.last_error,
            state: row.state,
        })
    }
}

/// What the records of all shelves come to.
struct Row {
    message_id: String,
    attempts: u32,
    first_tried: Option<Timestamp>,
    last_error: Option<String>,
    state: MailState,
}

impl MailShelf {
    fn table(self) -> redb::TableDefinition<'static, u64, &'static [u8]> {
        match self {
            MailShelf::Pending => schema::MAILS_PENDING,
            MailShelf::Sent => schema::MAILS_SENT,
            MailShelf::Dead => schema::MAILS_DEAD,
        }
    }

    fn read(self, record: &[u8]) -> Result<Row> {
        let at = Timestamp::from_micros;
        Ok(match self {
            MailShelf::Pending => {
                let PendingRecord::V1 {
                    message_id,
                    due_micros,
                    first_tried_micros,
                    attempts,
                    last_error,
                } = decode(record)?;
                let first_tried = (attempts > 0).then(|| at(first_tried_micros));
                let state = MailState::Pending { due: at(due_micros) };
                Row { message_id, attempts, first_tried, last_error, state }
            }
            MailShelf::Sent => {
                let SentRecord::V1 { message_id, sent_micros, attempts } = decode(record)?;
                let state = MailState::Sent { at: at(sent_micros) };
                Row { message_id, attempts, first_tried: None, last_error: None, state }
            }
            MailShelf::Dead => {
                let DeadRecord::V1 { message_id, died_micros, attempts, last_error } =
                    decode(record)?;
                let state = MailState::Dead { at: at(died_micros) };
                let last_error = Some(last_error);
                Row { message_id, attempts, first_tried: None, last_error, state }
            }
        })
    }
}
