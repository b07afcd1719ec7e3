//! The feed: no gap, no event twice, each of an order that is there.

use redb::ReadableTable;

use super::{Check, has, value};
use crate::domain::event::EventId;
use crate::error::Result;
use crate::store::records::{EventRecord, OrderPrefix, decode};
use crate::store::schema::{ReadTables, meta};

impl Check {
    /// The rows of events and those of the orders, by id: together they have no gap but where the
    /// feed was off, and that was pruned.
    pub(super) fn events(&mut self, tables: &ReadTables) -> Result<()> {
        let pruned = value(&tables.meta, meta::EVENTS_PRUNED_UP_TO)?.unwrap_or(0);
        let mut own = tables.events.iter()?;
        let mut next_own = own.next().transpose()?;
        let (mut last, mut last_at) = (pruned, None);
        for row in tables.orders.iter()? {
            let (id, record) = row?;
            let Ok(record) = decode::<OrderPrefix<'_>>(record.value()) else { continue };
            let mark = record.event_mark();
            while let Some((event, row)) = &next_own
                && event.value() <= mark.id.0
            {
                self.event(tables, event.value(), row.value(), &mut last, &mut last_at)?;
                next_own = own.next().transpose()?;
            }
            match mark.at {
                Some(_) if mark.id.0 <= pruned => {}
                Some(at) => {
                    let event = mark.id.0;
                    self.require(event == last + 1, || {
                        format!("order {} is event {event}, after {last}", id.value())
                    });
                    self.require(last_at <= Some(at), || format!("event {event} is too early"));
                    (last, last_at) = (event, Some(at));
                }
                None => {
                    let fits = mark.id.0 <= last.max(pruned);
                    self.require(fits, || format!("order {} is ahead of the feed", id.value()));
                }
            }
        }
        while let Some((event, row)) = next_own {
            self.event(tables, event.value(), row.value(), &mut last, &mut last_at)?;
            next_own = own.next().transpose()?;
        }
        Ok(())
    }

    fn event(
        &mut self,
        tables: &ReadTables,
        id: u64,
        record: &[u8],
        last: &mut u64,
        last_at: &mut Option<crate::clock::Timestamp>,
    ) -> Result<()> {
        let Some(record) = self.decoded::<EventRecord>("event", id, record) else { return Ok(()) };
        let Ok(event) = record.into_event(EventId(id)) else {
            self.fault(format!("event {id} can't be read"));
            return Ok(());
        };
        self.require(id == *last + 1, || format!("event {id} comes after {last}"));
        self.require(*last_at <= Some(event.at), || format!("event {id} is too early"));
        let is_there = has(&tables.orders, event.order.0)?;
        self.require(is_there, || {
            format!("event {id} is of order {}, which is not there", event.order)
        });
        (*last, *last_at) = (id, Some(event.at));
        Ok(())
    }
}
