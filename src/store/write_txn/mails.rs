//! The rows of the outbox. A fresh mail is one that is still in its order's row.

use redb::ReadableTable;

use super::{Applied, Failure, WriteTxn};
use crate::clock::Timestamp;
use crate::domain::order::content::Recipient;
use crate::domain::{EmailAddress, MailId, MessageId, OrderId};
use crate::store::marks::{first_marked, mark_of};
use crate::store::records::{
    DeadMail, DeadRecord, MailIdentity, OrderPrefix, PendingMail, PendingRecord, SentMail,
    SentRecord, decode, encode,
};
use crate::store::schema::meta;

impl WriteTxn<'_> {
    /// A pending mail that has a row of its own.
    pub fn pending_mail(&mut self, id: MailId) -> Applied<Option<PendingMail>> {
        match self.tables.mails_pending()?.get(id.0)? {
            Some(row) => Ok(Some(decode::<PendingRecord>(row.value())?.into_mail(id)?)),
            None => Ok(None),
        }
    }

    /// The fresh mail of an order. None where it has left the order's row, or never was there.
    pub fn fresh_mail(&mut self, order: OrderId) -> Applied<Option<(MailId, PendingMail)>> {
        if order.0 <= self.mails_taken_up_to()? {
            return Ok(None);
        }
        let Some(row) = self.tables.orders()?.get(order.0)? else { return Ok(None) };
        let record = decode::<OrderPrefix<'_>>(row.value())?;
        let Some(first) = record.first_mail(order.0) else { return Ok(None) };
        let mail = MailIdentity::first(order, MessageId(first.message_id.to_owned()));
        Ok(Some((first.id, PendingMail::fresh(mail, record.created_at()))))
    }

    /// Whether the mail is still in its order's row.
    pub fn is_fresh(&mut self, id: MailId) -> Applied<bool> {
        let first = self.mails_taken_up_to()? + 1;
        let orders = self.tables.orders()?;
        let last = orders.last()?.map_or(0, |(key, _)| key.value());
        let mark = |order| mark_of::<Failure>(orders, order, |it, order| it.mail_mark(order).0);
        let found = first_marked(first, last, id.0, mark)?;
        let Some(order) = found else { return Ok(false) };
        Ok(self.fresh_mail(OrderId(order))?.is_some_and(|(fresh, _)| fresh == id))
    }

    /// Gives a pending mail a row of its own, due when it says. This does not wake the sender: when
    /// the sender puts a mail off, it knows by itself when the mail is due.
    pub fn put_pending(&mut self, id: MailId, mail: &PendingMail) -> Applied<()> {
        let bytes = encode(&PendingRecord::of(mail))?;
        self.dirty = true;
        self.tables.mails_pending()?.insert(id.0, bytes.as_slice())?;
        self.tables.mails_due()?.insert((mail.due.as_micros(), id.0), ())?;
        Ok(())
    }

    /// Makes a mail pending that was never tried, or as if it never was, and wakes the sender.
    pub fn queue(&mut self, id: MailId, mail: MailIdentity, due: Timestamp) -> Applied<()> {
        self.queued_mail = true;
        self.put_pending(id, &PendingMail::fresh(mail, due))
    }

    /// Removes a pending mail that has a row of its own; the caller puts it elsewhere.
    pub fn remove_pending(&mut self, id: MailId, due: Timestamp) -> Applied<()> {
        self.dirty = true;
        self.tables.mails_pending()?.remove(id.0)?;
        self.tables.mails_due()?.remove((due.as_micros(), id.0))?;
        Ok(())
    }

    /// Takes all fresh mails up to that order's out of their orders' rows. Those of earlier orders
    /// get rows of their own; the caller puts that of the order itself elsewhere. There are few of
    /// them, since the sender takes mails by id.
    pub fn take_fresh(&mut self, order: OrderId, at: Timestamp) -> Applied<()> {
        if order.0 <= self.mails_taken_up_to()? {
            return Ok(());
        }
        self.dirty = true;
        for earlier in (self.mails_taken_up_to()? + 1..order.0).map(OrderId) {
            self.give_own_row(earlier, at)?;
        }
        (self.mails_taken_up_to, self.mails_were_taken) = (Some(order.0), true);
        Ok(())
    }

    /// A mail that can't be read becomes dead, so that it does not stop the others.
    fn give_own_row(&mut self, order: OrderId, at: Timestamp) -> Applied<()> {
        match self.fresh_mail(order) {
            Ok(Some((id, mail))) => self.put_pending(id, &mail),
            Ok(None) => Ok(()),
            Err(Failure::Refused(why)) => self.bury(order, why.to_string(), at),
            Err(broken) => Err(broken),
        }
    }

    /// A dead mail in the place of one whose order's row can't be read. That row alone knew the
    /// mail's id, so that this one gets another.
    pub fn bury(&mut self, order: OrderId, last_error: String, at: Timestamp) -> Applied<()> {
        let mail = MailIdentity::unreadable(order);
        let id = self.next_mail_id()?;
        self.insert_dead(id, &DeadMail { mail, at, attempts: 0, last_error })
    }

    fn mails_taken_up_to(&mut self) -> Applied<u64> {
        if let Some(id) = self.mails_taken_up_to {
            return Ok(id);
        }
        let row = self.tables.meta()?.get(meta::MAILS_TAKEN_UP_TO)?;
        let id = row.map_or(0, |row| row.value());
        self.mails_taken_up_to = Some(id);
        Ok(id)
    }

    pub(super) fn write_mails_taken(&mut self) -> Applied<()> {
        if let (Some(id), true) = (self.mails_taken_up_to, self.mails_were_taken) {
            self.tables.meta()?.insert(meta::MAILS_TAKEN_UP_TO, id)?;
        }
        Ok(())
    }

    /// Where the mail goes, as its order and its user are now.
    pub fn recipient(&mut self, mail: &MailIdentity) -> Applied<Option<EmailAddress>> {
        if mail.to.is_some() {
            return Ok(mail.to.clone());
        }
        let Some(order) = self.order(mail.order)? else { return Ok(None) };
        match order.content().map(|content| content.recipient(order.user)) {
            Some(Recipient::Address(to)) => Ok(Some(to.clone())),
            Some(Recipient::Nobody) => Ok(None),
            Some(Recipient::Owner) | None => Ok(self.user(order.user)?.map(|user| user.email)),
        }
    }

    /// Removes a dead mail; the caller puts it elsewhere.
    pub fn take_dead(&mut self, id: MailId) -> Applied<Option<DeadMail>> {
        match self.tables.mails_dead()?.remove(id.0)? {
            Some(row) => {
                self.dirty = true;
                Ok(Some(decode::<DeadRecord>(row.value())?.into_mail(id)?))
            }
            None => Ok(None),
        }
    }

    pub fn is_sent(&mut self, id: MailId) -> Applied<bool> {
        Ok(self.tables.mails_sent()?.get(id.0)?.is_some())
    }

    pub fn insert_sent(&mut self, id: MailId, mail: &SentMail) -> Applied<()> {
        let bytes = encode(&SentRecord::of(mail))?;
        self.dirty = true;
        self.tables.mails_sent()?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }

    /// Sent mails with ids above `after`, rising, `limit` at most; `None` where one can't be read.
    pub fn sent_mails(
        &mut self,
        after: MailId,
        limit: usize,
    ) -> Applied<Vec<(MailId, Option<SentMail>)>> {
        let table = self.tables.mails_sent()?;
        let rows = table.range(after.0.saturating_add(1)..)?.take(limit).map(|row| {
            let (id, record) = row?;
            let id = MailId(id.value());
            let read = decode::<SentRecord>(record.value()).and_then(|it| it.into_mail(id));
            Ok((id, read.ok()))
        });
        rows.collect()
    }

    pub fn remove_sent(&mut self, id: MailId) -> Applied<()> {
        self.dirty = true;
        self.tables.mails_sent()?.remove(id.0)?;
        Ok(())
    }

    /// Remembers that mails sent before `then` may have been removed, up to this id.
    pub fn note_pruned(&mut self, then: Timestamp, up_to: MailId) -> Applied<()> {
        self.dirty = true;
        let table = self.tables.meta()?;
        for (key, value) in
            [(meta::MAILS_PRUNED_BEFORE, then.as_micros()), (meta::MAILS_PRUNED_UP_TO, up_to.0)]
        {
            let known = table.get(key)?.map_or(0, |row| row.value());
            table.insert(key, known.max(value))?;
        }
        Ok(())
    }

    pub fn insert_dead(&mut self, id: MailId, mail: &DeadMail) -> Applied<()> {
        let bytes = encode(&DeadRecord::of(mail))?;
        self.dirty = true;
        self.tables.mails_dead()?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }
}
