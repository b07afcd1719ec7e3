//! Typed reads of one moment. Every list is bounded.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::PAGE_ROWS;
use super::records::{OrderRecord, PendingRecord, UserRecord, decode};
use super::schema::{self, meta};
use crate::clock::Timestamp;
use crate::domain::{
    Mail, MailId, MailState, MessageId, Order, OrderId, Role, User, UserId, Username,
};
use crate::error::{Error, Result};

/// What was committed when it was taken. It pins the pages that it sees: let go soon.
pub struct Snapshot(ReadTransaction);

/// What a token is checked against; cheaper to read than the whole [`User`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub role: Role,
    pub disabled: bool,
    pub token_generation: u32,
}

/// Which orders are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// One user's, by their index; else everyone's.
    pub user: Option<UserId>,
}

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    pub users: u64,
    pub orders: u64,
    pub mails_pending: u64,
    pub mails_sent: u64,
    pub mails_dead: u64,
    /// When the order of the oldest pending mail was placed.
    pub oldest_pending: Option<Timestamp>,
}

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

impl Snapshot {
    pub(super) fn new(transaction: ReadTransaction) -> Snapshot {
        Snapshot(transaction)
    }

    pub fn user(&self, id: UserId) -> Result<Option<User>> {
        match self.open(schema::USERS)?.get(id.0).map_err(Error::storage)? {
            Some(row) => decode::<UserRecord>(row.value())?.into_user(id.0).map(Some),
            None => Ok(None),
        }
    }

    pub fn standing(&self, id: UserId) -> Result<Option<Standing>> {
        match self.open(schema::USERS)?.get(id.0).map_err(Error::storage)? {
            Some(row) => {
                let UserRecord::V1 { admin, disabled, token_generation, .. } = decode(row.value())?;
                let role = if admin { Role::Admin } else { Role::User };
                Ok(Some(Standing { role, disabled, token_generation }))
            }
            None => Ok(None),
        }
    }

    /// The user of that name, written in whatever case.
    pub fn user_by_name(&self, name: &str) -> Result<Option<User>> {
        let names = self.open(schema::USERNAMES)?;
        match names.get(Username::fold(name).as_str()).map_err(Error::storage)? {
            Some(row) => self.user(UserId(row.value())),
            None => Ok(None),
        }
    }

    /// Who still has the published default password, if anyone.
    pub fn default_password_user(&self) -> Result<Option<User>> {
        let table = self.open(schema::META)?;
        match table.get(meta::DEFAULT_PASSWORD_USER).map_err(Error::storage)? {
            Some(row) => self.user(UserId(row.value())),
            None => Ok(None),
        }
    }

    /// The largest order id so far; 0 when there is none.
    pub fn last_order_id(&self) -> Result<OrderId> {
        let last = self.open(schema::ORDERS)?;
        let last = last.last().map_err(Error::storage)?;
        Ok(OrderId(last.map_or(0, |(key, _)| key.value())))
    }

    /// Orders with ids above `after` up to `last`, rising, [`PAGE_ROWS`] at most.
    pub fn orders(&self, filter: OrderFilter, after: OrderId, last: OrderId) -> Result<Vec<Order>> {
        if after >= last {
            return Ok(Vec::new());
        }
        match filter.user {
            Some(user) => self.orders_of(user, after, last),
            None => self.orders_of_all(after, last),
        }
    }

    fn orders_of_all(&self, after: OrderId, last: OrderId) -> Result<Vec<Order>> {
        let table = self.open(schema::ORDERS)?;
        let range = (Bound::Excluded(after.0), Bound::Included(last.0));
        let rows = table.range::<u64>(range).map_err(Error::storage)?;
        rows.take(PAGE_ROWS)
            .map(|row| {
                let (key, value) = row.map_err(Error::storage)?;
                Ok(decode::<OrderRecord>(value.value())?.into_order(key.value()))
            })
            .collect()
    }

    fn orders_of(&self, user: UserId, after: OrderId, last: OrderId) -> Result<Vec<Order>> {
        let index = self.open(schema::ORDERS_BY_USER)?;
        let orders = self.open(schema::ORDERS)?;
        let range = (Bound::Excluded((user.0, after.0)), Bound::Included((user.0, last.0)));
        let rows = index.range::<(u64, u64)>(range).map_err(Error::storage)?;
        rows.take(PAGE_ROWS)
            .map(|row| {
                let (_, id) = row.map_err(Error::storage)?.0.value();
                read_order(&orders, OrderId(id))
            })
            .collect()
    }

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

    fn pending_mail(&self, id: MailId) -> Result<Mail> {
        let table = self.open(schema::MAILS_PENDING)?;
        let row = table.get(id.0).map_err(Error::storage)?;
        let row =
            row.ok_or_else(|| Error::Internal(format!("mail {id} is due and not pending")))?;
        let PendingRecord::V1 { message_id, due_micros, first_tried_micros, attempts, last_error } =
            decode(row.value())?;
        let order = read_order(&self.open(schema::ORDERS)?, id.order())?;
        let user = self.user(order.user)?;
        let user = user.ok_or_else(|| Error::Internal(format!("order {id} has no user")))?;
        Ok(Mail {
            id,
            message_id: MessageId(message_id),
            order,
            username: user.username.as_str().to_owned(),
            to: user.email,
            attempts,
            first_tried: (attempts > 0).then(|| Timestamp::from_micros(first_tried_micros)),
            last_error,
            state: MailState::Pending { due: Timestamp::from_micros(due_micros) },
        })
    }

    /// Counts kept by the tables themselves: its cost does not grow.
    pub fn census(&self) -> Result<Census> {
        let pending = self.open(schema::MAILS_PENDING)?;
        let orders = self.open(schema::ORDERS)?;
        let oldest = pending.first().map_err(Error::storage)?.map(|(id, _)| OrderId(id.value()));
        let oldest = oldest.map(|id| read_order(&orders, id)).transpose()?;
        Ok(Census {
            users: self.open(schema::USERS)?.len().map_err(Error::storage)?,
            orders: orders.len().map_err(Error::storage)?,
            mails_pending: pending.len().map_err(Error::storage)?,
            mails_sent: self.open(schema::MAILS_SENT)?.len().map_err(Error::storage)?,
            mails_dead: self.open(schema::MAILS_DEAD)?.len().map_err(Error::storage)?,
            oldest_pending: oldest.map(|order| order.created_at),
        })
    }

    fn open<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        definition: redb::TableDefinition<'_, K, V>,
    ) -> Result<redb::ReadOnlyTable<K, V>> {
        self.0.open_table(definition).map_err(Error::storage)
    }
}

fn read_order(table: &impl ReadableTable<u64, &'static [u8]>, id: OrderId) -> Result<Order> {
    let row = table.get(id.0).map_err(Error::storage)?;
    let row = row.ok_or_else(|| Error::Internal(format!("order {id} is indexed and not there")))?;
    Ok(decode::<OrderRecord>(row.value())?.into_order(id.0))
}
