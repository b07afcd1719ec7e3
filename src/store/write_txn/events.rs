//! The feed: the rows of events, and what is known of it as a whole.

use super::{Applied, WriteTxn};
use crate::clock::Timestamp;
use crate::domain::event::{Event, EventId, Source};
use crate::store::records::{EventMark, EventRecord, encode};
use crate::store::schema::meta;

impl WriteTxn<'_> {
    /// The event of an order that is placed, for its row. What draws it is always inserted.
    pub fn next_creation(&mut self, at: Timestamp) -> Applied<EventMark> {
        let sequences = self.sequences()?;
        let at = sequences.next_event(at);
        Ok(EventMark { id: sequences.event, at })
    }

    /// Writes the event of a change, with the next id and its time. Does nothing while there is no
    /// feed.
    pub fn note_event(&mut self, event: Event) -> Applied<()> {
        let sequences = self.sequences()?;
        let Some(at) = sequences.next_event(event.at) else { return Ok(()) };
        let id = sequences.event;
        let record = encode(&EventRecord::of(&Event { id, at, ..event }))?;
        self.dirty = true;
        self.tables.events()?.insert(id.0, record.as_slice())?;
        Ok(())
    }

    /// Removes the events up to this one, at most `limit` of them, which must be all. Those of
    /// orders that were placed stay in their rows, and don't count any more.
    pub fn remove_events(&mut self, up_to: EventId) -> Applied<()> {
        self.dirty = true;
        let table = self.tables.events()?;
        let mut old = table.extract_from_if(..=up_to.0, |_, _| true)?;
        old.try_for_each(|row| row.map(drop))?;
        drop(old);
        self.tables.meta()?.insert(meta::EVENTS_PRUNED_UP_TO, up_to.0)?;
        Ok(())
    }

    /// Whether changes make events.
    pub fn has_feed(&mut self) -> Applied<bool> {
        Ok(self.sequences()?.has_feed)
    }

    /// Turns the feed off, or on again. Between the two nothing was noted: so one id is passed
    /// over then, and whoever has not seen it is told that something is missing.
    pub fn set_feed(&mut self, is_on: bool) -> Applied<()> {
        let sequences = self.sequences()?;
        if sequences.has_feed == is_on {
            return Ok(());
        }
        sequences.has_feed = is_on;
        if is_on {
            sequences.event = EventId(sequences.event.0 + 1);
        }
        let last = sequences.event;
        self.remove_events(last)?;
        let table = self.tables.meta()?;
        match is_on {
            true => table.remove(meta::FEED_IS_OFF)?,
            false => table.insert(meta::FEED_IS_OFF, 1)?,
        };
        Ok(())
    }

    pub fn set_source(&mut self, Source(source): Source) -> Applied<()> {
        self.dirty = true;
        let table = self.tables.meta()?;
        table.insert(meta::SOURCE_HIGH, (source >> 64) as u64)?;
        table.insert(meta::SOURCE_LOW, source as u64)?;
        Ok(())
    }
}
