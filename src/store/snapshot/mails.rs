//! Reads the outbox: what is due, and the mails of one status.

use std::iter::Peekable;
use std::ops::{Bound, RangeInclusive};

use super::Snapshot;
use super::orders::require_order;
use crate::clock::Timestamp;
use crate::domain::mail::MAX_RETRY_DELAY;
use crate::domain::{Mail, MailId, MailState, MessageId};
use crate::error::{Error, Result};
use crate::store::records::{DeadRecord, OrderRecord, PendingRecord, SentRecord, decode};
use crate::store::schema::{self, meta};

/// Mails that are due.
#[derive(Debug, Default)]
pub struct DueMails {
    pub mails: Vec<Mail>,
    pub spoilt: Vec<UnreadableMail>,
    /// When the next mail after these is due.
    pub next_due: Option<Timestamp>,
}

/// A mail that is due and can't be read.
#[derive(Debug)]
pub struct UnreadableMail {
    pub id: MailId,
    pub due: Timestamp,
    pub error: Error,
}

/// Dead mails that were looked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeadMails {
    pub ids: Vec<MailId>,
    /// The last mail that was looked at, where there are more.
    pub next: Option<MailId>,
}

/// Most rows that one search among the dead mails reads.
pub const MAX_LOOKED_AT: usize = 10_000;

/// Where a mail is in its life. Each status has a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStatus {
    Pending,
    Sent,
    Dead,
}

impl Snapshot {
    /// Pending mails that are due at `now`, the longest due first, `limit` at most. A mail that
    /// can't be read does not stop the others. Mails that were never tried are due since their
    /// orders were placed; among each other they come by id.
    ///
    /// One that is due later than any attempt puts it off was marked while the clock was ahead: it
    /// counts as due, and comes first, since what it is given next is right again.
    pub fn due_mails(&self, now: Timestamp, limit: usize) -> Result<DueMails> {
        let due = self.open(schema::MAILS_DUE)?;
        let horizon = (now + MAX_RETRY_DELAY).as_micros();
        let mut found = DueMails::default();
        for row in due.range((horizon.saturating_add(1), 0)..)?.take(limit) {
            self.take_due(row?.0.value(), &mut found)?;
        }
        let in_time = due.range(..=(horizon, u64::MAX))?;
        let mut tried = in_time.map(|row| Ok(row?.0.value())).peekable();
        let mut fresh = self.fresh_mails()?.map(|id| self.fresh_due(id, now)).peekable();
        while let Some((at, id)) = take_earlier(&mut tried, &mut fresh)? {
            if at > now.as_micros() || found.mails.len() + found.spoilt.len() >= limit {
                found.next_due = Some(Timestamp::from_micros(at));
                break;
            }
            self.take_due((at, id), &mut found)?;
        }
        Ok(found)
    }

    fn take_due(&self, (at, id): (u64, u64), found: &mut DueMails) -> Result<()> {
        match self.pending_mail(MailId(id)) {
            Ok(mail) => found.mails.push(mail),
            Err(error @ Error::Internal(_)) => {
                let due = Timestamp::from_micros(at);
                found.spoilt.push(UnreadableMail { id: MailId(id), due, error });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Dead mails with ids above `after` that `takes` accepts, given when they died and of what:
    /// the first `limit`, among the next [`MAX_LOOKED_AT`]. Rows that can't be read, and mails
    /// whose own rows couldn't be, are left out: another attempt would not help them.
    pub fn dead_mails(
        &self,
        after: MailId,
        limit: usize,
        takes: impl Fn(Timestamp, &str) -> bool,
    ) -> Result<DeadMails> {
        let table = self.open(schema::MAILS_DEAD)?;
        let rows = table.range::<u64>((Bound::Excluded(after.0), Bound::Unbounded))?;
        let (mut found, mut last) = (DeadMails::default(), None);
        for (count, row) in rows.enumerate() {
            if found.ids.len() >= limit || count >= MAX_LOOKED_AT {
                found.next = last;
                break;
            }
            let (id, record) = row?;
            let id = MailId(id.value());
            last = Some(id);
            let Ok(record) = decode::<DeadRecord>(record.value()) else { continue };
            let DeadRecord::V1 { message_id, died_micros, last_error, .. } = record;
            if !message_id.is_empty() && takes(Timestamp::from_micros(died_micros), &last_error) {
                found.ids.push(id);
            }
        }
        Ok(found)
    }

    /// Mails of one status with ids above `after`, rising, `limit` at most.
    pub fn mails(&self, status: MailStatus, after: MailId, limit: usize) -> Result<Vec<Mail>> {
        let table = self.open(status.table())?;
        let range = (Bound::Excluded(after.0), Bound::Unbounded);
        let rows = table.range::<u64>(range)?.map(|row| {
            let (id, record) = row?;
            self.compose(MailId(id.value()), status.read(record.value())?)
        });
        if status != MailStatus::Pending {
            return rows.take(limit).collect();
        }
        let fresh = self.fresh_mails()?;
        let fresh = (*fresh.start()).max(after.0.saturating_add(1))..=*fresh.end();
        rows.chain(fresh.map(|id| self.fresh_mail(MailId(id)))).take(limit).collect()
    }

    /// The mail with that id, whatever its status.
    pub fn mail(&self, id: MailId) -> Result<Option<Mail>> {
        if self.fresh_mails()?.contains(&id.0) {
            return self.fresh_mail(id).map(Some);
        }
        for status in [MailStatus::Pending, MailStatus::Sent, MailStatus::Dead] {
            if let Some(row) = self.open(status.table())?.get(id.0)? {
                return self.compose(id, status.read(row.value())?).map(Some);
            }
        }
        Ok(None)
    }

    /// The ids of the mails that are still in their orders' rows. They have no gaps.
    pub(super) fn fresh_mails(&self) -> Result<RangeInclusive<u64>> {
        let table = self.open(schema::META)?;
        let taken = table.get(meta::MAILS_TAKEN_UP_TO)?;
        let first = taken.map_or(0, |row| row.value()).saturating_add(1);
        Ok(first..=self.last_order_id()?.0)
    }

    /// Since when a fresh mail is due, and its id. It counts as due where its order seems to come
    /// from the future, because the clock was set back, and where its row can't be read.
    fn fresh_due(&self, id: u64, now: Timestamp) -> Result<(u64, u64)> {
        match require_order(&self.open(schema::ORDERS)?, id) {
            Ok(order) => Ok((order.created_at.min(now).as_micros(), id)),
            Err(Error::Internal(_)) => Ok((0, id)),
            Err(error) => Err(error),
        }
    }

    /// A pending mail, from whichever row it is in.
    fn pending_mail(&self, id: MailId) -> Result<Mail> {
        if self.fresh_mails()?.contains(&id.0) {
            return self.fresh_mail(id);
        }
        let table = self.open(schema::MAILS_PENDING)?;
        let missing = || Error::Internal(format!("mail {id} is due and not pending"));
        let row = table.get(id.0)?.ok_or_else(missing)?;
        self.compose(id, MailStatus::Pending.read(row.value())?)
    }

    fn fresh_mail(&self, id: MailId) -> Result<Mail> {
        let orders = self.open(schema::ORDERS)?;
        let without_order = || Error::Internal(format!("mail {id} has no order"));
        let row = orders.get(id.0)?.ok_or_else(without_order)?;
        let record = decode::<OrderRecord<'_>>(row.value())?;
        let without_mail = || Error::Internal(format!("order {id} has no mail"));
        let message_id = record.message_id().ok_or_else(without_mail)?;
        self.compose(id, Row::fresh(message_id, record.order(id.0).created_at))
    }

    /// Puts a mail together with its order and the user to whom it goes.
    fn compose(&self, id: MailId, row: Row) -> Result<Mail> {
        let order = require_order(&self.open(schema::ORDERS)?, id.order().0)?;
        let without_user = || Error::Internal(format!("order {id} has no user"));
        let user = self.user(order.user)?.ok_or_else(without_user)?;
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

/// When a mail is due, in µs since 1970, and its id.
type Due = Result<(u64, u64)>;

/// The next of two sorted lists, whichever is due earlier.
fn take_earlier(
    one: &mut Peekable<impl Iterator<Item = Due>>,
    other: &mut Peekable<impl Iterator<Item = Due>>,
) -> Result<Option<(u64, u64)>> {
    let is_one = match (one.peek(), other.peek()) {
        (Some(Ok(one)), Some(Ok(other))) => one <= other,
        (_, Some(Err(_))) => false,
        (head, _) => head.is_some(),
    };
    if is_one { one.next() } else { other.next() }.transpose()
}

/// What the records of all statuses have in common.
struct Row {
    message_id: String,
    attempts: u32,
    first_tried: Option<Timestamp>,
    last_error: Option<String>,
    state: MailState,
}

impl Row {
    /// Of a mail that was never tried.
    fn fresh(message_id: &str, due: Timestamp) -> Row {
        let (message_id, state) = (message_id.to_owned(), MailState::Pending { due });
        Row { message_id, attempts: 0, first_tried: None, last_error: None, state }
    }
}

impl MailStatus {
    fn table(self) -> redb::TableDefinition<'static, u64, &'static [u8]> {
        match self {
            MailStatus::Pending => schema::MAILS_PENDING,
            MailStatus::Sent => schema::MAILS_SENT,
            MailStatus::Dead => schema::MAILS_DEAD,
        }
    }

    fn read(self, record: &[u8]) -> Result<Row> {
        let at = Timestamp::from_micros;
        Ok(match self {
            MailStatus::Pending => {
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
            MailStatus::Sent => {
                let SentRecord::V1 { message_id, sent_micros, attempts } = decode(record)?;
                let state = MailState::Sent { at: at(sent_micros) };
                Row { message_id, attempts, first_tried: None, last_error: None, state }
            }
            MailStatus::Dead => {
                let DeadRecord::V1 { message_id, died_micros, attempts, last_error } =
                    decode(record)?;
                let state = MailState::Dead { at: at(died_micros) };
                let last_error = Some(last_error);
                Row { message_id, attempts, first_tried: None, last_error, state }
            }
        })
    }
}
