//! One write transaction that several writes share, and the rows they may touch.
//! Indexes are kept here, beside the rows they speak of, and nowhere else.

use redb::{Key, ReadableTable, Table, TableDefinition, Value, WriteTransaction};

use super::records::{
    DeadRecord, OrderRecord, PendingRecord, SentRecord, UserRecord, decode, encode,
};
use super::schema::{self, meta};
use crate::clock::Timestamp;
use crate::domain::{MailId, MessageId, Order, OrderId, User, UserId};
use crate::error::Error;

/// A write as data. The committer may apply it more than once, to different batches,
/// and keeps the effects of the last time only.
pub trait Write: Send + 'static {
    type Output: Send + 'static;

    /// Whether it makes new rows, and so waits while the disk is nearly full.
    const GROWS: bool = true;

    /// Reads and checks first, then writes.
    fn apply(&self, batch: &mut Batch<'_>) -> Result<Self::Output, Failure>;
}

/// Why a write was not applied.
#[derive(Debug)]
pub enum Failure {
    /// Its own fault: the others in the batch go on.
    Refused(Error),
    /// The store's fault: the transaction is lost.
    Broken(redb::Error),
}

pub type Applied<T> = Result<T, Failure>;

/// The tables of one write transaction, opened when they are first touched.
pub struct Batch<'txn> {
    transaction: &'txn WriteTransaction,
    meta: Opened<'txn, &'static str, u64>,
    users: Opened<'txn, u64, &'static [u8]>,
    usernames: Opened<'txn, &'static str, u64>,
    emails: Opened<'txn, &'static str, u64>,
    orders: Opened<'txn, u64, &'static [u8]>,
    orders_by_user: Opened<'txn, (u64, u64), ()>,
    mails_pending: Opened<'txn, u64, &'static [u8]>,
    mails_sent: Opened<'txn, u64, &'static [u8]>,
    mails_dead: Opened<'txn, u64, &'static [u8]>,
    mails_due: Opened<'txn, (u64, u64), ()>,
    /// Something was written since the batch began.
    pub(super) dirty: bool,
    /// Mail was queued: the sender is rung after the commit.
    pub(super) queued_mail: bool,
}

impl<'txn> Batch<'txn> {
    pub(super) fn begin(transaction: &'txn WriteTransaction) -> Batch<'txn> {
        Batch {
            transaction,
            meta: Opened::not_yet(schema::META),
            users: Opened::not_yet(schema::USERS),
            usernames: Opened::not_yet(schema::USERNAMES),
            emails: Opened::not_yet(schema::EMAILS),
            orders: Opened::not_yet(schema::ORDERS),
            orders_by_user: Opened::not_yet(schema::ORDERS_BY_USER),
            mails_pending: Opened::not_yet(schema::MAILS_PENDING),
            mails_sent: Opened::not_yet(schema::MAILS_SENT),
            mails_dead: Opened::not_yet(schema::MAILS_DEAD),
            mails_due: Opened::not_yet(schema::MAILS_DUE),
            dirty: false,
            queued_mail: false,
        }
    }

    // Users.

    pub(super) fn user(&mut self, id: UserId) -> Applied<Option<User>> {
        match self.users.get(self.transaction)?.get(id.0)? {
            Some(row) => Ok(Some(decode::<UserRecord>(row.value())?.into_user(id.0)?)),
            None => Ok(None),
        }
    }

    pub(super) fn require_user(&mut self, id: UserId) -> Applied<User> {
        self.user(id)?.ok_or(Failure::Refused(Error::NotFound))
    }

    pub(super) fn has_username(&mut self, folded: &str) -> Applied<bool> {
        Ok(self.usernames.get(self.transaction)?.get(folded)?.is_some())
    }

    pub(super) fn has_email(&mut self, folded: &str) -> Applied<bool> {
        Ok(self.emails.get(self.transaction)?.get(folded)?.is_some())
    }

    pub(super) fn next_user_id(&mut self) -> Applied<UserId> {
        Ok(UserId(next_key(self.users.get(self.transaction)?)?))
    }

    pub(super) fn insert_user(&mut self, user: &User) -> Applied<()> {
        self.put_user(user)?;
        let folded = crate::domain::Username::fold(user.username.as_str());
        self.usernames.get(self.transaction)?.insert(folded.as_str(), user.id.0)?;
        self.emails.get(self.transaction)?.insert(user.email.fold().as_str(), user.id.0)?;
        Ok(())
    }

    /// Writes the row of a user whose name and address stay as they are.
    pub(super) fn put_user(&mut self, user: &User) -> Applied<()> {
        let record = encode(&UserRecord::of(user))?;
        self.dirty = true;
        self.users.get(self.transaction)?.insert(user.id.0, record.as_slice())?;
        Ok(())
    }

    pub(super) fn set_default_password_user(&mut self, user: Option<UserId>) -> Applied<()> {
        self.dirty = true;
        let table = self.meta.get(self.transaction)?;
        match user {
            Some(user) => table.insert(meta::DEFAULT_PASSWORD_USER, user.0)?,
            None => table.remove(meta::DEFAULT_PASSWORD_USER)?,
        };
        Ok(())
    }

    // Orders.

    pub(super) fn next_order_id(&mut self) -> Applied<OrderId> {
        Ok(OrderId(next_key(self.orders.get(self.transaction)?)?))
    }

    /// The order, its index row and its mail: all three, or the batch is redone without it.
    pub(super) fn insert_order(&mut self, order: &Order, message_id: &MessageId) -> Applied<()> {
        let record = encode(&OrderRecord::of(order))?;
        let mail = PendingRecord::fresh(message_id, order.created_at);
        self.dirty = true;
        self.orders.get(self.transaction)?.insert(order.id.0, record.as_slice())?;
        self.orders_by_user.get(self.transaction)?.insert((order.user.0, order.id.0), ())?;
        self.put_pending(MailId::of(order.id), &mail)
    }

    // Mails.

    pub(super) fn pending_mail(&mut self, id: MailId) -> Applied<Option<PendingRecord>> {
        match self.mails_pending.get(self.transaction)?.get(id.0)? {
            Some(row) => Ok(Some(decode(row.value())?)),
            None => Ok(None),
        }
    }

    pub(super) fn put_pending(&mut self, id: MailId, record: &PendingRecord) -> Applied<()> {
        let PendingRecord::V1 { due_micros, .. } = record;
        let bytes = encode(record)?;
        self.dirty = true;
        self.queued_mail = true;
        self.mails_pending.get(self.transaction)?.insert(id.0, bytes.as_slice())?;
        self.mails_due.get(self.transaction)?.insert((*due_micros, id.0), ())?;
        Ok(())
    }

    pub(super) fn remove_pending(&mut self, id: MailId, due: Timestamp) -> Applied<()> {
        self.dirty = true;
        self.mails_pending.get(self.transaction)?.remove(id.0)?;
        self.mails_due.get(self.transaction)?.remove((due.as_micros(), id.0))?;
        Ok(())
    }

    pub(super) fn insert_sent(&mut self, id: MailId, record: &SentRecord) -> Applied<()> {
        let bytes = encode(record)?;
        self.dirty = true;
        self.mails_sent.get(self.transaction)?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }

    pub(super) fn insert_dead(&mut self, id: MailId, record: &DeadRecord) -> Applied<()> {
        let bytes = encode(record)?;
        self.dirty = true;
        self.mails_dead.get(self.transaction)?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }
}

/// A table that is opened when it is first touched: opening all of them for every
/// commit would cost more than a small commit itself.
struct Opened<'txn, K: Key + 'static, V: Value + 'static> {
    definition: TableDefinition<'static, K, V>,
    table: Option<Table<'txn, K, V>>,
}

impl<'txn, K: Key + 'static, V: Value + 'static> Opened<'txn, K, V> {
    fn not_yet(definition: TableDefinition<'static, K, V>) -> Self {
        Opened { definition, table: None }
    }

    fn get(&mut self, transaction: &'txn WriteTransaction) -> Applied<&mut Table<'txn, K, V>> {
        match &mut self.table {
            Some(table) => Ok(table),
            empty => Ok(empty.insert(transaction.open_table(self.definition)?)),
        }
    }
}

/// One above the largest key; rows of these tables are never deleted.
fn next_key(table: &Table<'_, u64, &'static [u8]>) -> Applied<u64> {
    Ok(table.last()?.map_or(1, |(key, _)| key.value() + 1))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<redb::StorageError> for Failure {
    fn from(error: redb::StorageError) -> Failure {
        Failure::Broken(error.into())
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Failure {
        Failure::Broken(error.into())
    }
}
