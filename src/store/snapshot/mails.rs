//! Reads the outbox: one mail, and lists.

use std::ops::Bound;

use super::span::{Direction, Span, directed};
use super::{MAX_LOOKED_AT, Snapshot};
use crate::clock::Timestamp;
use crate::domain::order::content::Recipient;
use crate::domain::{Mail, MailId, MailState, MessageId, OrderId};
use crate::error::{Error, Result};
use crate::store::marks::{first_marked, mark_of};
use crate::store::records::{
    DeadMail, DeadRecord, MailIdentity, OrderPrefix, PendingMail, PendingRecord, SentMail,
    SentRecord, decode,
};
use crate::store::schema;

/// Dead mails that were looked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeadMails {
    pub ids: Vec<MailId>,
    /// The last mail that was looked at, where there are more.
    pub next: Option<MailId>,
}

/// Where a mail is in its life. Each status has a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStatus {
    Pending,
    Sent,
    Dead,
}

/// Which mails to read. A field that is absent excludes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailFilter {
    pub status: Option<MailStatus>,
    pub order: Option<OrderId>,
    /// As clients have it: see [`Mail::kind_name`].
    pub kind: Option<&'static str>,
}

/// A part of a list of mails.
#[derive(Debug, Default)]
pub struct MailPage {
    pub mails: Vec<Mail>,
    /// The last mail that was looked at, where there may be more.
    pub next: Option<MailId>,
}

impl Snapshot {
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
            let dead = decode::<DeadRecord>(record.value()).and_then(|record| record.into_mail(id));
            let Ok(DeadMail { mail, at, last_error, .. }) = dead else { continue };
            if !mail.is_unreadable() && takes(at, &last_error) {
                found.ids.push(id);
            }
        }
        Ok(found)
    }

    /// Mails past `after` that match, by id in the given direction: `limit` at most, among the next
    /// [`MAX_LOOKED_AT`].
    pub fn mails(
        &self,
        filter: &MailFilter,
        direction: Direction,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<MailPage> {
        if let Some(order) = filter.order {
            return self.mails_of_order(order, filter, direction, after, limit);
        }
        let Some(span) = Span::all().past(after.map(|id| id.0), direction) else {
            return Ok(MailPage::default());
        };
        let mut page = MailPage::default();
        let (mut last, mut looked_at) = (None, 0);
        for id in self.mail_ids(filter.status, span, direction)? {
            if page.mails.len() >= limit || looked_at >= MAX_LOOKED_AT {
                page.next = last;
                break;
            }
            let id = MailId(id?);
            (last, looked_at) = (Some(id), looked_at + 1);
            page.mails.extend(self.listed_mail(id)?.filter(|mail| filter.takes(mail)));
        }
        Ok(page)
    }

    fn mails_of_order(
        &self,
        order: OrderId,
        filter: &MailFilter,
        direction: Direction,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<MailPage> {
        let mut ids = self.mail_ids_of(order)?;
        ids.sort();
        if direction == Direction::Descending {
            ids.reverse();
        }
        let Some(span) = Span::all().past(after.map(|id| id.0), direction) else {
            return Ok(MailPage::default());
        };
        let mut page = MailPage::default();
        for id in ids.into_iter().filter(|id| span.holds(id.0)) {
            if page.mails.len() >= limit {
                page.next = page.mails.last().map(|mail| mail.id);
                break;
            }
            page.mails.extend(self.listed_mail(id)?.filter(|mail| filter.takes(mail)));
        }
        Ok(page)
    }

    /// A mail that can't be read must not keep the others from being listed.
    fn listed_mail(&self, id: MailId) -> Result<Option<Mail>> {
        match self.mail(id) {
            Err(Error::Internal(why)) => {
                log::error!("mail {id} is left out of a list: {why}");
                Ok(None)
            }
            found => found,
        }
    }

    /// All mails that an order has sent so far; some of them may have been removed since.
    fn mail_ids_of(&self, order: OrderId) -> Result<Vec<MailId>> {
        let Some(found) = self.order(order)? else { return Ok(Vec::new()) };
        match found.content() {
            Some(content) => Ok(content.mails.iter().map(|(_, id)| id).collect()),
            None => {
                let orders = self.open(schema::ORDERS)?;
                let Some(row) = orders.get(order.0)? else { return Ok(Vec::new()) };
                Ok(vec![decode::<OrderPrefix<'_>>(row.value())?.mail_mark(order.0)])
            }
        }
    }

    /// The ids of the mails of a status, or of all.
    fn mail_ids(
        &self,
        status: Option<MailStatus>,
        span: Span,
        direction: Direction,
    ) -> Result<impl Iterator<Item = Result<u64>>> {
        let statuses = match &status {
            Some(status) => std::slice::from_ref(status),
            None => &[MailStatus::Pending, MailStatus::Sent, MailStatus::Dead],
        };
        let mut lists: Vec<Box<dyn Iterator<Item = Result<u64>>>> = Vec::new();
        for status in statuses {
            let rows = self.open(status.table())?.range::<u64>(span.ids())?;
            lists.push(directed(rows.map(|row| Ok(row?.0.value())), direction));
        }
        if statuses.contains(&MailStatus::Pending) {
            let rows = self.open(schema::ORDERS)?.range::<u64>(self.fresh_orders()?)?;
            let fresh = rows.filter_map(move |row| match row {
                Ok((id, record)) => fresh_id(id.value(), record.value(), span).map(Ok),
                Err(why) => Some(Err(why.into())),
            });
            lists.push(directed(fresh, direction));
        }
        super::merged::merged(lists, direction)
    }

    /// The mail with that id, whatever its status.
    pub fn mail(&self, id: MailId) -> Result<Option<Mail>> {
        for status in [MailStatus::Pending, MailStatus::Sent, MailStatus::Dead] {
            if let Some(row) = self.open(status.table())?.get(id.0)? {
                return self.compose(id, status.read(id, row.value())?).map(Some);
            }
        }
        let fresh = self.fresh_orders()?;
        let orders = self.open(schema::ORDERS)?;
        let mark = |order| mark_of::<Error>(&orders, order, |it, order| it.mail_mark(order).0);
        let Some(order) = first_marked(*fresh.start(), *fresh.end(), id.0, mark)? else {
            return Ok(None);
        };
        let Some(row) = orders.get(order)? else { return Ok(None) };
        match decode::<OrderPrefix<'_>>(row.value())?.first_mail(order) {
            Some(first) if first.id == id => self.fresh_mail(OrderId(order)).map(Some),
            _ => Ok(None),
        }
    }

    /// A pending mail that has a row of its own.
    pub(super) fn pending_mail(&self, id: MailId) -> Result<Mail> {
        let table = self.open(schema::MAILS_PENDING)?;
        let missing = || Error::Internal(format!("mail {id} is due and not pending"));
        let row = table.get(id.0)?.ok_or_else(missing)?;
        self.compose(id, MailStatus::Pending.read(id, row.value())?)
    }

    /// The mail that is still in the order's row.
    pub(super) fn fresh_mail(&self, order: OrderId) -> Result<Mail> {
        let orders = self.open(schema::ORDERS)?;
        let missing = || Error::Internal(format!("order {order} has no mail"));
        let row = orders.get(order.0)?.ok_or_else(missing)?;
        let record = decode::<OrderPrefix<'_>>(row.value())?;
        let first = record.first_mail(order.0).ok_or_else(missing)?;
        let mail = MailIdentity::first(order, MessageId(first.message_id.to_owned()));
        self.compose(first.id, Row::from(PendingMail::fresh(mail, record.created_at())))
    }

    /// Puts a mail together with its order and the user whom that is for.
    fn compose(&self, id: MailId, row: Row) -> Result<Mail> {
        let MailIdentity { order, kind, queued_at, message_id, to } = row.mail;
        let without_order = || Error::Internal(format!("mail {id} has no order"));
        let order = self.order(order)?.ok_or_else(without_order)?;
        let without_user = || Error::Internal(format!("order {} has no user", order.id));
        let user = self.user(order.user)?.ok_or_else(without_user)?;
        let customer = match order.content().map(|content| content.recipient(order.user)) {
            Some(Recipient::Address(email)) => Some(email.clone()),
            Some(Recipient::Owner) | None => Some(user.email),
            Some(Recipient::Nobody) => None,
        };
        Ok(Mail {
            id,
            kind,
            message_id,
            queued_at: queued_at.unwrap_or(order.created_at),
            username: user.username.as_str().to_owned(),
            to: to.or_else(|| customer.clone()),
            customer,
            order,
            attempts: row.attempts,
            first_tried: row.first_tried,
            last_error: row.last_error,
            state: row.state,
        })
    }
}

/// The mail that is still in the row, if it lies in the span. A row that can't be read shows none.
fn fresh_id(order: u64, record: &[u8], span: Span) -> Option<u64> {
    let first = decode::<OrderPrefix<'_>>(record).ok()?.first_mail(order)?;
    Some(first.id.0).filter(|id| span.holds(*id))
}

/// What the records of all statuses have in common.
struct Row {
    mail: MailIdentity,
    attempts: u32,
    first_tried: Option<Timestamp>,
    last_error: Option<String>,
    state: MailState,
}

impl From<PendingMail> for Row {
    fn from(pending: PendingMail) -> Row {
        let PendingMail { mail, due, first_tried, attempts, last_error } = pending;
        Row { mail, attempts, first_tried, last_error, state: MailState::Pending { due } }
    }
}

impl From<SentMail> for Row {
    fn from(sent: SentMail) -> Row {
        let SentMail { mail, at, attempts } = sent;
        let state = MailState::Sent { at };
        Row { mail, attempts, first_tried: None, last_error: None, state }
    }
}

impl From<DeadMail> for Row {
    fn from(dead: DeadMail) -> Row {
        let DeadMail { mail, at, attempts, last_error } = dead;
        let state = MailState::Dead { at };
        Row { mail, attempts, first_tried: None, last_error: Some(last_error), state }
    }
}

impl MailFilter {
    fn takes(&self, mail: &Mail) -> bool {
        self.status.is_none_or(|status| status.is_of(&mail.state))
            && self.order.is_none_or(|order| mail.order.id == order)
            && self.kind.is_none_or(|kind| mail.kind_name() == kind)
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

    fn read(self, id: MailId, record: &[u8]) -> Result<Row> {
        match self {
            MailStatus::Pending => decode::<PendingRecord>(record)?.into_mail(id).map(Row::from),
            MailStatus::Sent => decode::<SentRecord>(record)?.into_mail(id).map(Row::from),
            MailStatus::Dead => decode::<DeadRecord>(record)?.into_mail(id).map(Row::from),
        }
    }

    fn is_of(self, state: &MailState) -> bool {
        match state {
            MailState::Pending { .. } => self == MailStatus::Pending,
            MailState::Sent { .. } => self == MailStatus::Sent,
            MailState::Dead { .. } => self == MailStatus::Dead,
        }
    }
}
