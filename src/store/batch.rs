//! One write transaction that several writes share, and the rows they may touch.
//! Indexes are kept here, beside the rows they speak of, and nowhere else.

use redb::{Key, ReadableTable, Table, TableDefinition, Value, WriteTransaction};

use super::records::{
    DeadRecord, OrderRecord, PendingRecord, SentRecord, UserRecord, decode, encode,
};
use super::schema::{self, meta};
use crate::clock::Timestamp;
use crate::domain::{MailId, MessageId, Order, OrderId, User, UserId};
use crate::error::{Error, Unauthenticated};

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
    orders_by_hour: Opened<'txn, u64, (u64, u64)>,
    idempotency: Opened<'txn, (u64, &'static str), u64>,
    idempotent_orders: Opened<'txn, u64, &'static str>,
    mails_pending: Opened<'txn, u64, &'static [u8]>,
    mails_sent: Opened<'txn, u64, &'static [u8]>,
    mails_dead: Opened<'txn, u64, &'static [u8]>,
    mails_due: Opened<'txn, (u64, u64), ()>,
    /// The row of `orders_by_hour` that this batch is at: written once, not for every order.
    hour: Option<(u64, (u64, u64))>,
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
            orders_by_hour: Opened::not_yet(schema::ORDERS_BY_HOUR),
            idempotency: Opened::not_yet(schema::IDEMPOTENCY),
            idempotent_orders: Opened::not_yet(schema::IDEMPOTENT_ORDERS),
            mails_pending: Opened::not_yet(schema::MAILS_PENDING),
            mails_sent: Opened::not_yet(schema::MAILS_SENT),
            mails_dead: Opened::not_yet(schema::MAILS_DEAD),
            mails_due: Opened::not_yet(schema::MAILS_DUE),
            hour: None,
            dirty: false,
            queued_mail: false,
        }
    }

    /// Writes what was held back for the whole batch. Nothing is applied after it.
    pub(super) fn finish(&mut self) -> Result<(), redb::Error> {
        self.write_hour().map_err(|why| match why {
            Failure::Broken(why) => why,
            Failure::Refused(why) => redb::Error::Corrupted(why.to_string()),
        })
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

    /// Refuses who has been disabled since the token was checked.
    pub(super) fn require_enabled(&mut self, id: UserId) -> Applied<()> {
        let row = self.users.get(self.transaction)?.get(id.0)?;
        if let Some(row) = row
            && let UserRecord::V1 { disabled: false, .. } = decode(row.value())?
        {
            return Ok(());
        }
        Err(Error::Unauthenticated(Unauthenticated::BadToken).into())
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

    /// Whether an admin other than this one can still log in.
    pub(super) fn has_other_enabled_admin(&mut self, id: UserId) -> Applied<bool> {
        for row in self.users.get(self.transaction)?.iter()? {
            let (key, record) = row?;
            let UserRecord::V1 { admin, disabled, .. } = decode(record.value())?;
            if admin && !disabled && key.value() != id.0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who still has the published default password, if anyone.
    pub(super) fn default_password_user(&mut self) -> Applied<Option<UserId>> {
        let row = self.meta.get(self.transaction)?.get(meta::DEFAULT_PASSWORD_USER)?;
        Ok(row.map(|row| UserId(row.value())))
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

    pub(super) fn set_last_trial(&mut self, at: Timestamp) -> Applied<()> {
        self.dirty = true;
        self.meta.get(self.transaction)?.insert(meta::LAST_TRIAL, at.as_secs())?;
        Ok(())
    }

    // Orders.

    pub(super) fn next_order_id(&mut self) -> Applied<OrderId> {
        Ok(OrderId(next_key(self.orders.get(self.transaction)?)?))
    }

    /// The order, its index row and its mail: all three, or the batch is redone without it.
    pub(super) fn insert_order(&mut self, order: &Order, message_id: &MessageId) -> Applied<()> {
        let record = encode(&OrderRecord::of(order))?;
        self.dirty = true;
        self.orders.get(self.transaction)?.insert(order.id.0, record.as_slice())?;
        self.orders_by_user.get(self.transaction)?.insert((order.user.0, order.id.0), ())?;
        self.note_hour(order)?;
        self.queue_mail(MailId::of(order.id), message_id, order.created_at)
    }

    pub(super) fn order(&mut self, id: OrderId) -> Applied<Option<Order>> {
        match self.orders.get(self.transaction)?.get(id.0)? {
            Some(row) => Ok(Some(decode::<OrderRecord>(row.value())?.into_order(id.0))),
            None => Ok(None),
        }
    }

    fn note_hour(&mut self, order: &Order) -> Applied<()> {
        let (hour, id) = (order.created_at.as_secs() / 3600, order.id.0);
        match &mut self.hour {
            Some((present, range)) if *present == hour => range.1 = id,
            _ => {
                self.write_hour()?;
                let row = self.orders_by_hour.get(self.transaction)?.get(hour)?;
                let least = row.map_or(id, |row| row.value().0);
                self.hour = Some((hour, (least, id)));
            }
        }
        Ok(())
    }

    fn write_hour(&mut self) -> Applied<()> {
        if let Some((hour, range)) = self.hour.take() {
            self.orders_by_hour.get(self.transaction)?.insert(hour, range)?;
        }
        Ok(())
    }

    // Idempotency keys.

    /// The order that this user has placed under that key.
    pub(super) fn order_of_key(&mut self, user: UserId, key: &str) -> Applied<Option<Order>> {
        let row = self.idempotency.get(self.transaction)?.get((user.0, key))?;
        match row.map(|row| OrderId(row.value())) {
            Some(id) => self.order(id),
            None => Ok(None),
        }
    }

    pub(super) fn insert_key(&mut self, order: &Order, key: &str) -> Applied<()> {
        self.dirty = true;
        self.idempotency.get(self.transaction)?.insert((order.user.0, key), order.id.0)?;
        self.idempotent_orders.get(self.transaction)?.insert(order.id.0, key)?;
        Ok(())
    }

    pub(super) fn remove_key(&mut self, order: &Order, key: &str) -> Applied<()> {
        self.dirty = true;
        self.idempotency.get(self.transaction)?.remove((order.user.0, key))?;
        self.idempotent_orders.get(self.transaction)?.remove(order.id.0)?;
        Ok(())
    }

    /// For an order that is not there any more, so that its row holds up no others. Only
    /// the order knew whose key it was: the user's row stays, and leads nowhere.
    pub(super) fn drop_key_of_missing(&mut self, id: OrderId) -> Applied<()> {
        self.dirty = true;
        self.idempotent_orders.get(self.transaction)?.remove(id.0)?;
        Ok(())
    }

    /// The keys of the oldest orders that have one, `limit` at most.
    pub(super) fn oldest_keys(&mut self, limit: usize) -> Applied<Vec<(OrderId, String)>> {
        let table = self.idempotent_orders.get(self.transaction)?;
        let rows = table.iter()?.take(limit).map(|row| {
            let (id, key) = row?;
            Ok((OrderId(id.value()), key.value().to_owned()))
        });
        rows.collect()
    }

    // Mails.

    pub(super) fn pending_mail(&mut self, id: MailId) -> Applied<Option<PendingRecord>> {
        match self.mails_pending.get(self.transaction)?.get(id.0)? {
            Some(row) => Ok(Some(decode(row.value())?)),
            None => Ok(None),
        }
    }

    /// A mail that nobody has tried to send, or that is to be tried as if nobody had.
    pub(super) fn queue_mail(
        &mut self,
        id: MailId,
        message_id: &MessageId,
        due: Timestamp,
    ) -> Applied<()> {
        self.put_pending(id, &PendingRecord::fresh(message_id, due))?;
        self.queued_mail = true;
        Ok(())
    }

    /// Rings nobody: the sender, who puts a mail off, looks when it is due by itself.
    pub(super) fn put_pending(&mut self, id: MailId, record: &PendingRecord) -> Applied<()> {
        let PendingRecord::V1 { due_micros, .. } = record;
        let bytes = encode(record)?;
        self.dirty = true;
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

    /// Takes a dead mail out; its row is for the caller to put elsewhere.
    pub(super) fn take_dead(&mut self, id: MailId) -> Applied<Option<DeadRecord>> {
        match self.mails_dead.get(self.transaction)?.remove(id.0)? {
            Some(row) => {
                self.dirty = true;
                Ok(Some(decode(row.value())?))
            }
            None => Ok(None),
        }
    }

    pub(super) fn is_sent(&mut self, id: MailId) -> Applied<bool> {
        Ok(self.mails_sent.get(self.transaction)?.get(id.0)?.is_some())
    }

    pub(super) fn insert_sent(&mut self, id: MailId, record: &SentRecord) -> Applied<()> {
        let bytes = encode(record)?;
        self.dirty = true;
        self.mails_sent.get(self.transaction)?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }

    /// Sent mails with ids above `after`, rising, `limit` at most.
    pub(super) fn sent_mails(
        &mut self,
        after: MailId,
        limit: usize,
    ) -> Applied<Vec<(MailId, SentRecord)>> {
        let table = self.mails_sent.get(self.transaction)?;
        let rows = table.range(after.0.saturating_add(1)..)?.take(limit).map(|row| {
            let (id, record) = row?;
            Ok((MailId(id.value()), decode(record.value())?))
        });
        rows.collect()
    }

    pub(super) fn remove_sent(&mut self, id: MailId) -> Applied<()> {
        self.dirty = true;
        self.mails_sent.get(self.transaction)?.remove(id.0)?;
        Ok(())
    }

    /// Mails sent before `then` may be gone from now on.
    pub(super) fn note_pruned(&mut self, then: Timestamp) -> Applied<()> {
        self.dirty = true;
        let table = self.meta.get(self.transaction)?;
        let known = table.get(meta::MAILS_PRUNED_BEFORE)?.map_or(0, |row| row.value());
        table.insert(meta::MAILS_PRUNED_BEFORE, known.max(then.as_micros()))?;
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
