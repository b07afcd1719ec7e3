//! The feed: no gap, no event twice, each of an order that is there.

use std::iter::Peekable;

use redb::{AccessGuard, ReadableTable, StorageError};

use super::{Check, has, value};
use crate::clock::Timestamp;
use crate::domain::event::EventId;
use crate::error::Result;
use crate::store::records::{EventRecord, OrderPrefix, decode};
use crate::store::schema::{ReadTables, meta};

/// How far the feed was followed.
struct Followed {
    last: u64,
    at: Option<Timestamp>,
}

type Row<'t> =
    std::result::Result<(AccessGuard<'t, u64>, AccessGuard<'t, &'static [u8]>), StorageError>;

impl Check {
    /// The rows of events and those of the orders, by id: together they have no gap but where the
    /// feed was off, and that was pruned.
    pub(super) fn events(&mut self, tables: &ReadTables) -> Result<()> {
        let pruned = value(&tables.meta, meta::EVENTS_PRUNED_UP_TO)?.unwrap_or(0);
        let mut followed = Followed { last: pruned, at: None };
        let mut own = tables.events.iter()?.peekable();
        for row in tables.orders.iter()? {
            let (order, record) = row?;
            let order = order.value();
            let Ok(record) = decode::<OrderPrefix<'_>>(record.value()) else { continue };
            let mark = record.event_mark();
            self.own_events(tables, &mut own, mark.id.0, &mut followed)?;
            match mark.at {
                Some(_) if mark.id.0 <= pruned => {}
                Some(at) => self.follow(&mut followed, mark.id.0, at),
                None => {
                    let is_behind = mark.id.0 <= followed.last;
                    self.require(is_behind, || format!("order {order} is ahead of the feed"));
                }
            }
        }
        self.own_events(tables, &mut own, u64::MAX, &mut followed)
    }

    /// The events that have rows, up to that id.
    fn own_events<'t>(
        &mut self,
        tables: &ReadTables,
        rows: &mut Peekable<impl Iterator<Item = Row<'t>>>,
        up_to: u64,
        followed: &mut Followed,
    ) -> Result<()> {
        let is_next = |row: &Row<'t>| match row {
            Ok((id, _)) => id.value() <= up_to,
            Err(_) => true,
        };
        while let Some(row) = rows.next_if(is_next) {
            let (id, record) = row?;
            let id = id.value();
            let Some(record) = self.decoded::<EventRecord>("event", id, record.value()) else {
                continue;
            };
            let Ok(event) = record.into_event(EventId(id)) else {
                self.fault(format!("event {id} can't be read"));
                continue;
            };
            let is_there = has(&tables.orders, event.order.0)?;
            self.require(is_there, || format!("event {id} has no order {}", event.order));
            self.follow(followed, id, event.at);
        }
        Ok(())
    }

    fn follow(&mut self, followed: &mut Followed, id: u64, at: Timestamp) {
        let last = followed.last;
        self.require(id == last + 1, || format!("event {id} comes after {last}"));
        self.require(followed.at <= Some(at), || format!("event {id} is earlier than {last}"));
        *followed = Followed { last: id, at: Some(at) };
    }
}
