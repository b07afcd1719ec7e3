//! Reads the feed: the rows of events, and the orders whose rows hold the events of their own
//! making, as one list by id.

use std::iter::Peekable;

use redb::ReadableTable;

use super::{MAX_LOOKED_AT, PAGE_ROWS, Snapshot};
use crate::clock::Timestamp;
use crate::domain::event::{Event, EventId, EventType, Source};
use crate::domain::webhook::LostEvents;
use crate::domain::{Order, OrderId};
use crate::error::{Error, Result};
use crate::store::marks::{first_marked, mark_of};
use crate::store::records::{EventRecord, OrderPrefix, decode};
use crate::store::schema::{self, meta};

/// Which events to read. A field that is absent excludes none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub types: Option<Vec<EventType>>,
    pub order: Option<OrderId>,
}

/// A part of the feed.
#[derive(Debug)]
pub struct EventPage {
    /// Each with its order as it is now.
    pub events: Vec<(Event, Order)>,
    /// The last event that was looked at, whether it is among them or not.
    pub next: EventId,
    /// Those right behind it, where they can't be read, or their orders can't.
    pub unreadable: Option<LostEvents>,
    /// Whether `next` is the last event that there is.
    pub is_end: bool,
}

/// What was found of old events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldEvents {
    /// The last of them.
    pub last: Option<EventId>,
    /// Where to go on; `None` where no further one can be old.
    pub next: Option<EventId>,
}

/// How far the feed reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedExtent {
    pub source: Source,
    /// The first event that is kept, or will be.
    pub oldest: EventId,
    pub last: EventId,
}

impl Snapshot {
    /// `None` while there is no feed.
    pub fn feed_extent(&self) -> Result<Option<FeedExtent>> {
        let table = self.open(schema::META)?;
        if table.get(meta::FEED_IS_OFF)?.is_some() {
            return Ok(None);
        }
        let value = |key| Ok::<_, Error>(table.get(key)?.map_or(0, |row| row.value()));
        let source = self.source()?;
        let pruned = value(meta::EVENTS_PRUNED_UP_TO)?;
        let oldest = EventId(pruned + 1);
        Ok(Some(FeedExtent { source, oldest, last: self.last_event_id()?.max(EventId(pruned)) }))
    }

    /// Whose history this is, also while there is no feed.
    pub fn source(&self) -> Result<Source> {
        let table = self.open(schema::META)?;
        let half = |key| Ok::<_, Error>(table.get(key)?.map_or(0, |row| row.value()));
        let high = u128::from(half(meta::SOURCE_HIGH)?) << 64;
        Ok(Source(high | u128::from(half(meta::SOURCE_LOW)?)))
    }

    /// 0 before the first.
    pub fn last_event_id(&self) -> Result<EventId> {
        let of_order = match self.open(schema::ORDERS)?.last()? {
            Some((_, row)) => decode::<OrderPrefix<'_>>(row.value())?.event_mark().id,
            None => EventId(0),
        };
        let own = self.open(schema::EVENTS)?.last()?.map_or(0, |(id, _)| id.value());
        Ok(of_order.max(EventId(own)))
    }

    /// Events past `after` that match, `limit` at most, with their orders: among the next
    /// [`MAX_LOOKED_AT`], and only so many as `fits` has room for; the first fits always. `after` is
    /// an event that is kept, or the last one that isn't.
    pub fn events(
        &self,
        filter: &EventFilter,
        after: EventId,
        limit: usize,
        mut fits: impl FnMut(&Event, &Order) -> Result<bool>,
    ) -> Result<EventPage> {
        let mut page = EventPage::beginning_at(after);
        let mut looked_at = 0;
        for event in self.events_past(after)?.take(MAX_LOOKED_AT) {
            let event = event?;
            looked_at += 1;
            if event.id.0 > page.next.0 + 1 {
                return Ok(page.that_lacks(event.id.0 - 1));
            }
            if filter.takes(&event) {
                if page.events.len() == limit {
                    return Ok(page);
                }
                let Some(order) = self.readable_order(event.order)? else {
                    return Ok(page.that_lacks(event.id.0));
                };
                if !fits(&event, &order)? && !page.events.is_empty() {
                    return Ok(page);
                }
                page.events.push((event, order));
            }
            page.next = event.id;
        }
        let last = self.last_event_id()?;
        page.is_end = page.next >= last;
        match looked_at < MAX_LOOKED_AT && !page.is_end {
            true => Ok(page.that_lacks(last.0)),
            false => Ok(page),
        }
    }

    /// Looks through the next [`PAGE_ROWS`] events past `after` for those from before a moment.
    ///
    /// Times never fall, so that the first young one ends it. If a clock was once ahead, the events
    /// since then have times of the future, though they get old like others: then their orders tell
    /// when they were. An order that was touched amid such times doesn't know either, and is passed.
    pub fn old_events(
        &self,
        after: EventId,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<OldEvents> {
        let mut found = OldEvents { last: None, next: None };
        for event in self.events_past(after)?.take(PAGE_ROWS) {
            let event = event?;
            let at = match event.at > now {
                true => self.time_of(&event)?.filter(|at| *at <= now),
                false => Some(event.at),
            };
            match at {
                Some(at) if at >= before => return Ok(OldEvents { next: None, ..found }),
                Some(_) => found.last = Some(event.id),
                None => {}
            }
            found.next = Some(event.id);
        }
        Ok(found)
    }

    /// When the event was by its order's own account.
    fn time_of(&self, event: &Event) -> Result<Option<Timestamp>> {
        let order = self.readable_order(event.order)?;
        Ok(order.and_then(|order| order.time_of(event.version)))
    }

    fn readable_order(&self, id: OrderId) -> Result<Option<Order>> {
        match self.order(id) {
            Err(Error::Internal(_)) => Ok(None),
            found => found,
        }
    }

    /// All events with ids above `after`, but for those whose rows can't be read.
    pub fn events_past(&self, after: EventId) -> Result<impl Iterator<Item = Result<Event>>> {
        let first = after.0.saturating_add(1);
        let rows = self.open(schema::EVENTS)?.range::<u64>(first..)?;
        let own = rows.filter_map(|row| {
            let (id, record) = match row {
                Ok((id, record)) => (EventId(id.value()), record),
                Err(why) => return Some(Err(why.into())),
            };
            let record = decode::<EventRecord>(record.value());
            record.and_then(|record| record.into_event(id)).ok().map(Ok)
        });
        let created = self.creations_from(first)?;
        let (mut own, mut created) = (own.peekable(), created.peekable());
        Ok(std::iter::from_fn(move || take_earlier(&mut own, &mut created)))
    }

    /// The events of orders that were placed, from that id on.
    fn creations_from(&self, first: u64) -> Result<impl Iterator<Item = Result<Event>> + use<>> {
        let orders = self.open(schema::ORDERS)?;
        let last = self.last_order_id()?.0;
        let mark = |id| mark_of::<Error>(&orders, id, |record, _| record.event_mark().id.0);
        let from = first_marked(1, last, first, mark)?.unwrap_or(u64::MAX);
        Ok(orders.range::<u64>(from..)?.filter_map(move |row| {
            let (id, record) = match row {
                Ok((id, record)) => (OrderId(id.value()), record),
                Err(why) => return Some(Err(why.into())),
            };
            let record = decode::<OrderPrefix<'_>>(record.value()).ok()?;
            creation(id, &record).map(Ok)
        }))
    }
}

/// The event of an order that was placed, unless there was no feed then.
fn creation(order: OrderId, record: &OrderPrefix<'_>) -> Option<Event> {
    let mark = record.event_mark();
    Some(Event {
        id: mark.id,
        kind: EventType::Created,
        at: mark.at?,
        order,
        version: 1,
        previous_status: None,
        actor: record.placed_by(),
    })
}

fn take_earlier(
    one: &mut Peekable<impl Iterator<Item = Result<Event>>>,
    other: &mut Peekable<impl Iterator<Item = Result<Event>>>,
) -> Option<Result<Event>> {
    let is_one = match (one.peek(), other.peek()) {
        (Some(Ok(one)), Some(Ok(other))) => one.id < other.id,
        (_, Some(Err(_))) => false,
        (head, _) => head.is_some(),
    };
    if is_one { one.next() } else { other.next() }
}

impl EventPage {
    fn beginning_at(after: EventId) -> EventPage {
        EventPage { events: Vec::new(), next: after, unreadable: None, is_end: false }
    }

    /// Ids have no gap: what is missing after the page, up to that event, is there and can't be
    /// read.
    fn that_lacks(self, up_to: u64) -> EventPage {
        let lost = LostEvents { first: EventId(self.next.0 + 1), last: EventId(up_to) };
        EventPage { unreadable: Some(lost), ..self }
    }
}

impl EventFilter {
    fn takes(&self, event: &Event) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&event.kind))
            && self.order.is_none_or(|order| event.order == order)
    }
}
