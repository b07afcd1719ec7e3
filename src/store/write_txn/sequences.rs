//! The ids that were given last.

use redb::{ReadableTable, Table};

use super::{Applied, WriteTxn};
use crate::domain::{MailId, OrderId};
use crate::store::records::{OrderPrefix, decode};
use crate::store::schema::meta;

/// The largest id of each kind so far. Read once after the file was opened or a commit has failed;
/// then each commit hands it on to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Sequences {
    order: u64,
    mail: u64,
}

impl WriteTxn<'_> {
    /// An order that gets an id is always inserted.
    pub fn next_order_id(&mut self) -> Applied<OrderId> {
        let sequences = self.sequences()?;
        sequences.order += 1;
        Ok(OrderId(sequences.order))
    }

    /// A mail that gets an id is always inserted.
    pub fn next_mail_id(&mut self) -> Applied<MailId> {
        let sequences = self.sequences()?;
        sequences.mail += 1;
        Ok(MailId(sequences.mail))
    }

    pub fn last_mail_id(&mut self) -> Applied<MailId> {
        Ok(MailId(self.sequences()?.mail))
    }

    fn sequences(&mut self) -> Applied<&mut Sequences> {
        let sequences = match self.sequences {
            Some(known) => known,
            None => self.read_sequences()?,
        };
        Ok(self.sequences.insert(sequences))
    }

    /// Rows of orders are never removed, so that the last one has the largest id and mark. Mails
    /// that came after it have rows of their own until they are pruned.
    fn read_sequences(&mut self) -> Applied<Sequences> {
        let (order, mark) = match self.tables.orders()?.last()? {
            Some((id, row)) => {
                let id = id.value();
                (id, decode::<OrderPrefix<'_>>(row.value())?.mail_mark(id).0)
            }
            None => (0, 0),
        };
        let pruned = self.tables.meta()?.get(meta::MAILS_PRUNED_UP_TO)?;
        let mut mail = mark.max(pruned.map_or(0, |row| row.value()));
        mail = mail.max(last_key(self.tables.mails_pending()?)?);
        mail = mail.max(last_key(self.tables.mails_sent()?)?);
        mail = mail.max(last_key(self.tables.mails_dead()?)?);
        Ok(Sequences { order, mail })
    }
}

/// 0 where the table is empty.
fn last_key(table: &Table<'_, u64, &'static [u8]>) -> Applied<u64> {
    Ok(table.last()?.map_or(0, |(key, _)| key.value()))
}
