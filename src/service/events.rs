//! The feed: what has changed, read from any point on, and waited for.

use std::time::{Duration, Instant};

use crate::domain::Order;
use crate::domain::event::{Event, EventId, Source};
use crate::error::{Error, Gone, Result};
use crate::store::{EventFilter, EventPage, FeedExtent, Store};
use crate::sys::permits::Permit;
use crate::sys::stop::Stop;

use super::caller::Caller;
use super::context::Context;
use super::operation::OperationSpan;
use super::state::Service;
use super::waiters::Waiters;

/// What is asked of the feed.
#[derive(Clone, Debug)]
pub struct FeedQuery {
    pub filter: EventFilter,
    pub after: EventId,
    /// 0 asks for the present end alone.
    pub limit: usize,
    /// How long to wait where there is nothing yet.
    pub wait: Duration,
    /// The history that `after` is of, where the caller says so.
    pub source: Option<String>,
}

/// A part of the feed, and whose history it is of.
#[derive(Debug)]
pub struct Feed {
    pub source: Source,
    pub events: Vec<(Event, Order)>,
    /// Where to go on.
    pub next: EventId,
}

/// A read of the feed that may have to wait.
pub struct PendingFeed {
    span: OperationSpan,
    query: Result<FeedQuery>,
    store: Store,
    stop: Stop,
    waits: Option<(Permit, Instant)>,
}

impl PendingFeed {
    /// Whether there is something to read, or no reason to wait. Reads no more than a number.
    pub fn is_ready(&self) -> bool {
        match (&self.query, &self.waits) {
            (Ok(query), Some(_)) => self.store.last_event_id() > query.after || self.stop.is_set(),
            _ => true,
        }
    }

    /// When the wait is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.waits.as_ref().map(|(_, end)| *end)
    }
}

impl Service {
    /// Who waits for events.
    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Begins to read the feed. [`Service::feed_read`] ends it.
    pub fn read_feed(&self, caller: &Caller, query: FeedQuery) -> PendingFeed {
        let mut span = OperationSpan::begin();
        caller.note(&mut span.notes);
        let begun = caller.require_admin().and_then(|()| {
            let extent = self.feed_extent()?;
            if query.limit == 0 {
                return Ok(None);
            }
            check_position(&query, extent)?;
            match query.after == extent.last && !query.wait.is_zero() {
                true => Ok(Some((self.waiters.permit()?, Instant::now() + query.wait))),
                false => Ok(None),
            }
        });
        let (store, stop) = (self.store.clone(), self.waiters.stop_signal());
        match begun {
            Ok(waits) => PendingFeed { span, query: Ok(query), store, stop, waits },
            Err(why) => PendingFeed { span, query: Err(why), store, stop, waits: None },
        }
    }

    /// What the feed has, once there is something or the wait is over. `caller` is looked at
    /// again, since much may have changed meanwhile. `fits` bounds what one call gives.
    ///
    /// # Errors
    /// [`Error::NotFound`] while there is no feed; [`Error::Gone`] where what is asked for is not
    /// kept any more, or never was here.
    pub fn feed_read(
        &self,
        cx: &Context,
        pending: PendingFeed,
        caller: Result<Caller>,
        fits: impl FnMut(&Event, &Order) -> Result<bool>,
    ) -> Result<Feed> {
        let PendingFeed { mut span, query, .. } = pending;
        let feed = query.and_then(|query| {
            caller?.require_admin()?;
            let snapshot = self.store.read()?;
            let extent = snapshot.feed_extent()?.ok_or(Error::NotFound)?;
            let FeedQuery { filter, after, limit, .. } = &query;
            if *limit == 0 {
                let (source, next) = (extent.source, extent.last);
                return Ok(Feed { source, events: Vec::new(), next });
            }
            check_position(&query, extent)?;
            let page = snapshot.events(filter, *after, *limit, fits)?;
            let EventPage { events, next, unreadable, .. } = page;
            if let Some(lost) = unreadable.filter(|_| next == *after) {
                log::error!("events {} to {} can't be read", lost.first, lost.last);
                return Err(gone(lost.last.0 + 1, extent));
            }
            span.notes.add("events", events.len());
            Ok(Feed { source: extent.source, events, next })
        });
        self.operations.read_events.end(cx, span, feed)
    }

    fn feed_extent(&self) -> Result<FeedExtent> {
        self.store.read()?.feed_extent()?.ok_or(Error::NotFound)
    }
}

/// Never a silent gap: neither here, nor where rows can't be read.
fn check_position(query: &FeedQuery, extent: FeedExtent) -> Result<()> {
    let FeedExtent { source, oldest, last } = extent;
    let is_other = query.source.as_ref().is_some_and(|asked| *asked != source.to_string());
    let is_kept = query.after.0 + 1 >= oldest.0;
    if is_other || !is_kept || query.after > last {
        return Err(gone(oldest.0, extent));
    }
    Ok(())
}

fn gone(oldest: u64, extent: FeedExtent) -> Error {
    Error::Gone(Gone { oldest, source: extent.source.to_string() })
}
