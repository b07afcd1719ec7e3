//! The ids that were given last.

use redb::{ReadableTable, Table};

use super::{Applied, WriteTxn};
use crate::clock::Timestamp;
use crate::domain::event::EventId;
use crate::domain::{MailId, OrderId};
use crate::store::records::{EventMark, EventRecord, OrderPrefix, decode};
use crate::store::schema::meta;

/// The largest id of each kind so far. Read once after the file was opened or a commit has failed;
/// then each commit hands it on to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Sequences {
    order: u64,
    mail: u64,
    pub event: EventId,
    /// When the last event was.
    event_at: Timestamp,
    /// Whether changes make events.
    pub has_feed: bool,
}

impl Sequences {
    /// Draws the id of an event, and gives its time: not before that of the last one. `None`, and
    /// no id, while there is no feed.
    pub fn next_event(&mut self, at: Timestamp) -> Option<Timestamp> {
        if !self.has_feed {
            return None;
        }
        self.event = EventId(self.event.0 + 1);
        // In an order's row the epoch itself says that there is no event.
        self.event_at = self.event_at.max(at).max(Timestamp::from_micros(1));
        Some(self.event_at)
    }
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

    pub fn last_event_id(&mut self) -> Applied<EventId> {
        Ok(self.sequences()?.event)
    }

    pub(super) fn sequences(&mut self) -> Applied<&mut Sequences> {
        let sequences = match self.sequences {
            Some(known) => known,
            None => self.read_sequences()?,
        };
        Ok(self.sequences.insert(sequences))
    }

    /// Rows of orders are never removed, so that the last one has the largest id and mark. Mails
    /// that came after it have rows of their own until they are pruned.
    fn read_sequences(&mut self) -> Applied<Sequences> {
        let (order, mail_mark, event_mark) = match self.tables.orders()?.last()? {
            Some((id, row)) => {
                let (id, record) = (id.value(), decode::<OrderPrefix<'_>>(row.value())?);
                (id, record.mail_mark(id).0, record.event_mark())
            }
            None => (0, 0, EventMark::default()),
        };
        let last_event = self.last_own_event()?;
        let pruned = self.tables.meta()?.get(meta::MAILS_PRUNED_UP_TO)?;
        let mut mail = mail_mark.max(pruned.map_or(0, |row| row.value()));
        mail = mail.max(last_key(self.tables.mails_pending()?)?);
        mail = mail.max(last_key(self.tables.mails_sent()?)?);
        mail = mail.max(last_key(self.tables.mails_dead()?)?);
        let pruned = self.tables.meta()?.get(meta::EVENTS_PRUNED_UP_TO)?;
        let pruned = EventId(pruned.map_or(0, |row| row.value()));
        Ok(Sequences {
            order,
            mail,
            event: event_mark.id.max(last_event.id).max(pruned),
            event_at: event_mark.at.max(last_event.at).unwrap_or(Timestamp::EPOCH),
            has_feed: self.tables.meta()?.get(meta::FEED_IS_OFF)?.is_none(),
        })
    }
}

impl WriteTxn<'_> {
    /// The last of the events that have rows of their own. Where it can't be read, its time is that
    /// of the last one that can.
    fn last_own_event(&mut self) -> Applied<EventMark> {
        let mut mark = EventMark::default();
        for row in self.tables.events()?.iter()?.rev() {
            let (id, record) = row?;
            let id = EventId(id.value());
            mark.id = mark.id.max(id);
            let event = decode::<EventRecord>(record.value()).and_then(|it| it.into_event(id));
            if let Ok(event) = event {
                mark.at = Some(event.at);
                break;
            }
        }
        Ok(mark)
    }
}

/// 0 where the table is empty.
fn last_key(table: &Table<'_, u64, &'static [u8]>) -> Applied<u64> {
    Ok(table.last()?.map_or(0, |(key, _)| key.value()))
}
