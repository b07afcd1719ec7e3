//! The mails: each in one place, and known to its order.

use redb::ReadableTable;

use super::{Check, has, value};
use crate::domain::{MailId, OrderId};
use crate::error::Result;
use crate::store::records::{
    DeadRecord, MailIdentity, OrderPrefix, OrderRecord, PendingRecord, SentRecord, decode,
};
use crate::store::schema::{ReadTables, meta};

impl Check {
    /// Every mail that the order has sent is in one place, or old enough to have been removed.
    pub(super) fn mails_of_order(
        &mut self,
        tables: &ReadTables,
        order: u64,
        record: &OrderRecord<'_>,
    ) -> Result<()> {
        let pruned_before = value(&tables.meta, meta::MAILS_PRUNED_BEFORE)?.unwrap_or(0);
        let taken_up_to = tables.mails_taken_up_to()?;
        let first = record.first_mail(order).map(|first| first.id);
        let is_fresh = order > taken_up_to && first.is_some();
        let is_old = record.created_at().as_micros() < pruned_before;
        for id in record.mails(order) {
            let own_rows = tables.own_rows_of(id)?;
            let places = own_rows + usize::from(is_fresh && first == Some(id));
            let fits = match places {
                1 => true,
                0 if is_old => true,
                // An order of the future is not older than it looks, but its mail may be.
                0 => value(&tables.meta, meta::MAILS_PRUNED_UP_TO)?.is_some_and(|it| id.0 <= it),
                _ => false,
            };
            self.require(fits, || format!("mail {id} of order {order} is in {places} places"));
        }
        Ok(())
    }

    pub(super) fn pending(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.mails_pending.iter()? {
            let (id, record) = row?;
            let id = MailId(id.value());
            let Some(record) = self.decoded::<PendingRecord>("mail", id.0, record.value()) else {
                continue;
            };
            let Ok(pending) = record.into_mail(id) else {
                self.fault(format!("mail {id} can't be read"));
                continue;
            };
            self.mail_of_order(tables, id, &pending.mail)?;
            let due = has(&tables.mails_due, (pending.due.as_micros(), id.0))?;
            self.require(due, || format!("mail {id} is pending and never due"));
        }
        Ok(())
    }

    pub(super) fn ended(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.mails_sent.iter()? {
            let (id, record) = row?;
            let id = MailId(id.value());
            let record = self.decoded::<SentRecord>("sent mail", id.0, record.value());
            if let Some(Ok(sent)) = record.map(|record| record.into_mail(id)) {
                self.mail_of_order(tables, id, &sent.mail)?;
            }
        }
        for row in tables.mails_dead.iter()? {
            let (id, record) = row?;
            let id = MailId(id.value());
            let record = self.decoded::<DeadRecord>("dead mail", id.0, record.value());
            if let Some(Ok(dead)) = record.map(|record| record.into_mail(id)) {
                self.mail_of_order(tables, id, &dead.mail)?;
            }
        }
        Ok(())
    }

    pub(super) fn due(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.mails_due.iter()? {
            let (at, id) = row?.0.value();
            let found = tables.mails_pending.get(id)?;
            let due = found.and_then(|record| {
                let pending = decode::<PendingRecord>(record.value()).ok()?.into_mail(MailId(id));
                pending.ok().map(|pending| pending.due.as_micros())
            });
            self.require(due == Some(at), || format!("mail {id} is due and not pending"));
        }
        Ok(())
    }

    /// The mail tells of an order that knows it.
    fn mail_of_order(
        &mut self,
        tables: &ReadTables,
        id: MailId,
        mail: &MailIdentity,
    ) -> Result<()> {
        let OrderId(order) = mail.order;
        let Some(row) = tables.orders.get(order)? else {
            self.fault(format!("mail {id} has no order"));
            return Ok(());
        };
        // Of one whose row couldn't be read only this is known.
        if mail.is_unreadable() {
            return Ok(());
        }
        let Ok(record) = decode::<OrderRecord<'_>>(row.value()) else { return Ok(()) };
        let is_known = record.mails(order).contains(&id);
        self.require(is_known, || format!("order {order} doesn't know its mail {id}"));
        Ok(())
    }
}

impl ReadTables {
    fn mails_taken_up_to(&self) -> Result<u64> {
        Ok(value(&self.meta, meta::MAILS_TAKEN_UP_TO)?.unwrap_or(0))
    }

    /// How many mails are still in their orders' rows.
    pub(super) fn fresh_mails(&self) -> Result<u64> {
        let mut count = 0;
        for row in self.orders.range(self.mails_taken_up_to()?.saturating_add(1)..)? {
            let (id, record) = row?;
            let record = decode::<OrderPrefix<'_>>(record.value());
            let has_mail = record.is_ok_and(|record| record.first_mail(id.value()).is_some());
            count += u64::from(has_mail);
        }
        Ok(count)
    }

    /// In how many tables the mail has a row of its own.
    fn own_rows_of(&self, id: MailId) -> Result<usize> {
        let tables = [&self.mails_pending, &self.mails_sent, &self.mails_dead];
        tables.iter().try_fold(0, |found, table| Ok(found + usize::from(has(table, id.0)?)))
    }
}
