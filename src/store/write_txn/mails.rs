//! The rows of the outbox. A fresh mail is one that is still in its order's row.

use redb::ReadableTable;

use super::{Applied, Failure, WriteTxn};
use crate::clock::Timestamp;
use crate::domain::MailId;
use crate::store::records::{DeadRecord, OrderRecord, PendingRecord, SentRecord, decode, encode};
use crate::store::schema::meta;

impl WriteTxn<'_> {
    /// A pending mail, from whichever row it is in.
    pub fn pending_mail(&mut self, id: MailId) -> Applied<Option<PendingRecord>> {
        if self.is_fresh(id)? {
            return self.fresh_mail(id);
        }
        match self.tables.mails_pending()?.get(id.0)? {
            Some(row) => Ok(Some(decode(row.value())?)),
            None => Ok(None),
        }
    }

    /// Whether the mail is still in its order's row.
    pub fn is_fresh(&mut self, id: MailId) -> Applied<bool> {
        Ok(id.0 > self.mails_taken_up_to()? && self.tables.orders()?.get(id.0)?.is_some())
    }

    /// Gives a pending mail a row of its own, due when its record says. This does not wake the
    /// sender: when the sender puts a mail off, it knows by itself when the mail is due.
    pub fn put_pending(&mut self, id: MailId, record: &PendingRecord) -> Applied<()> {
        let PendingRecord::V1 { due_micros, .. } = record;
        let bytes = encode(record)?;
        self.dirty = true;
        self.tables.mails_pending()?.insert(id.0, bytes.as_slice())?;
        self.tables.mails_due()?.insert((*due_micros, id.0), ())?;
        Ok(())
    }

    /// Makes a mail pending, as if it was never tried, and wakes the sender.
    pub fn queue_again(&mut self, id: MailId, message_id: &str, due: Timestamp) -> Applied<()> {
        self.queued_mail = true;
        self.put_pending(id, &PendingRecord::fresh(message_id, due))
    }

    /// Removes a mail from the pending ones; the caller puts it elsewhere. Fresh mails of earlier
    /// orders get rows of their own. There are few of them, since the sender takes mails by id.
    pub fn remove_pending(&mut self, id: MailId, due: Timestamp) -> Applied<()> {
        self.dirty = true;
        if !self.is_fresh(id)? {
            self.tables.mails_pending()?.remove(id.0)?;
            self.tables.mails_due()?.remove((due.as_micros(), id.0))?;
            return Ok(());
        }
        for earlier in (self.mails_taken_up_to()? + 1..id.0).map(MailId) {
            self.give_own_row(earlier, due)?;
        }
        (self.mails_taken_up_to, self.mails_were_taken) = (Some(id.0), true);
        Ok(())
    }

    /// A mail that can't be read becomes dead, so that it does not stop the others.
    fn give_own_row(&mut self, id: MailId, at: Timestamp) -> Applied<()> {
        match self.fresh_mail(id) {
            Ok(Some(record)) => self.put_pending(id, &record),
            Ok(None) => Ok(()),
            Err(Failure::Refused(why)) => {
                let (message_id, last_error) = (String::new(), why.to_string());
                let died_micros = at.as_micros();
                let dead = DeadRecord::V1 { message_id, died_micros, attempts: 0, last_error };
                self.insert_dead(id, &dead)
            }
            Err(broken) => Err(broken),
        }
    }

    fn fresh_mail(&mut self, id: MailId) -> Applied<Option<PendingRecord>> {
        let Some(row) = self.tables.orders()?.get(id.0)? else { return Ok(None) };
        let record = decode::<OrderRecord<'_>>(row.value())?;
        let due = record.order(id.0).created_at;
        Ok(record.message_id().map(|message_id| PendingRecord::fresh(message_id, due)))
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

    /// Removes a dead mail; the caller puts it elsewhere.
    pub fn take_dead(&mut self, id: MailId) -> Applied<Option<DeadRecord>> {
        match self.tables.mails_dead()?.remove(id.0)? {
            Some(row) => {
                self.dirty = true;
                Ok(Some(decode(row.value())?))
            }
            None => Ok(None),
        }
    }

    pub fn is_sent(&mut self, id: MailId) -> Applied<bool> {
        Ok(self.tables.mails_sent()?.get(id.0)?.is_some())
    }

    pub fn insert_sent(&mut self, id: MailId, record: &SentRecord) -> Applied<()> {
        let bytes = encode(record)?;
        self.dirty = true;
        self.tables.mails_sent()?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }

    /// Sent mails with ids above `after`, rising, `limit` at most.
    pub fn sent_mails(
        &mut self,
        after: MailId,
        limit: usize,
    ) -> Applied<Vec<(MailId, SentRecord)>> {
        let table = self.tables.mails_sent()?;
        let rows = table.range(after.0.saturating_add(1)..)?.take(limit).map(|row| {
            let (id, record) = row?;
            Ok((MailId(id.value()), decode(record.value())?))
        });
        rows.collect()
    }

    pub fn remove_sent(&mut self, id: MailId) -> Applied<()> {
        self.dirty = true;
        self.tables.mails_sent()?.remove(id.0)?;
        Ok(())
    }

    /// Remembers that mails sent before `then` may have been removed.
    pub fn note_pruned(&mut self, then: Timestamp) -> Applied<()> {
        self.dirty = true;
        let table = self.tables.meta()?;
        let known = table.get(meta::MAILS_PRUNED_BEFORE)?.map_or(0, |row| row.value());
        table.insert(meta::MAILS_PRUNED_BEFORE, known.max(then.as_micros()))?;
        Ok(())
    }

    pub fn insert_dead(&mut self, id: MailId, record: &DeadRecord) -> Applied<()> {
        let bytes = encode(record)?;
        self.dirty = true;
        self.tables.mails_dead()?.insert(id.0, bytes.as_slice())?;
        Ok(())
    }
}
