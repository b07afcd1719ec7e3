//! The feed: `GET /events/`.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Call, Pending, bearer};
use super::event_body::EventBody;
use super::json;
use super::openapi::{OperationDoc, Tag, schemas};
use super::query::Query;
use crate::domain::event::{EventId, EventType};
use crate::domain::{MAX_ID, OrderId};
use crate::error::{Error, Problem, Result};
use crate::http::Response;
use crate::service::{Caller, Context, Feed, FeedQuery, PendingFeed, Service};
use crate::store::{EventFilter, PAGE_ROWS};

const PARAMETERS: [&str; 6] = ["after", "limit", "wait", "types", "order_id", "source"];
const DEFAULT_LIMIT: u64 = 100;
const MAX_WAIT_SECS: u64 = 30;
/// A page ends early where it prints to more, about: an order with content may be large.
const MAX_PAGE_BYTES: usize = 1 << 20;

/// A read of the feed, and who asked for it.
struct PendingRead {
    feed: PendingFeed,
    /// Looked at again before the response, since the caller may have waited. None: the operator.
    token: Option<String>,
}

pub fn read(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let query = read_query(call)?;
    let token = match call.caller {
        Caller::Operator => None,
        Caller::User { .. } | Caller::Anonymous => bearer(call.head).map(str::to_owned),
    };
    let feed = call.service().read_feed(&call.caller, query);
    Ok(Box::new(PendingRead { feed, token }))
}

fn read_query(call: &Call<'_>) -> Result<FeedQuery> {
    let mut query = Query::of(call.query, &PARAMETERS);
    let after = query.integer("after", 0, MAX_ID).unwrap_or(0);
    let limit = query.integer("limit", 0, PAGE_ROWS as u64).unwrap_or(DEFAULT_LIMIT);
    let wait = query.integer("wait", 0, MAX_WAIT_SECS).unwrap_or(0);
    let types = query.parsed("types", types);
    let order = query.integer("order_id", 1, MAX_ID).map(OrderId);
    let source = query.text("source").map(str::to_owned);
    query.check()?;
    let (after, wait) = (EventId(after), Duration::from_secs(wait));
    let filter = EventFilter { types, order };
    Ok(FeedQuery { filter, after, limit: limit as usize, wait, source })
}

fn types(text: &str) -> std::result::Result<Vec<EventType>, Problem> {
    let expected = "types of events, separated by commas";
    let read = |word| EventType::parse(word).ok_or(Problem::NotOneOf { expected });
    text.split(',').map(read).collect()
}

impl Pending for PendingRead {
    fn is_ready(&self) -> bool {
        self.feed.is_ready()
    }

    fn deadline(&self) -> Option<Instant> {
        self.feed.deadline()
    }

    fn ends_with_client(&self) -> bool {
        true
    }

    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response> {
        let caller = match &self.token {
            None => Ok(Caller::Operator),
            Some(token) => service.authenticate(token),
        };
        let mut bytes = 0;
        let feed = service.feed_read(cx, self.feed, caller, |event, order| {
            let body = EventBody::of(event, order);
            bytes += serde_json::to_vec(&body).map_err(Error::internal)?.len();
            Ok(bytes <= MAX_PAGE_BYTES)
        })?;
        Ok(json::response(200, &FeedBody::from(&feed)))
    }
}

/// A part of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Events)]
pub struct FeedBody<'a> {
    /// Names this store's history. A restored store has another: its ids mean something else.
    source: String,
    events: Vec<EventBody<'a>>,
    /// What to give as `after` to go on: the last event that was looked at.
    #[schema(schema_with = schemas::position)]
    next: u64,
}

impl<'a> From<&'a Feed> for FeedBody<'a> {
    fn from(feed: &'a Feed) -> FeedBody<'a> {
        FeedBody {
            source: feed.source.to_string(),
            events: feed.events.iter().map(|(event, order)| EventBody::of(event, order)).collect(),
            next: feed.next.0,
        }
    }
}

pub fn describe_read() -> OperationDoc {
    OperationDoc::new("list_events", Tag::Events, "What has changed (admins)")
        .about(
            "Every change of an order in the order of the commits, without gaps; each with its \
             order as it is now, not as it was then. One call looks at no more than 10,000 events \
             and gives about 1 MB: it may return few or none with `next` moved on. To begin, ask \
             with `limit=0` for the present position, list the orders, then follow. 410 where \
             something between `after` and now is not kept any more, or `source` is another \
             store's: begin again then.",
        )
        .query("after", schemas::integer(0, MAX_ID), "Only events past this one; 0 if absent.")
        .query(
            "limit",
            schemas::integer(0, PAGE_ROWS as u64),
            "At most so many, 100 if absent. 0 gives the present position alone.",
        )
        .query(
            "wait",
            schemas::integer(0, MAX_WAIT_SECS),
            "At the end of the feed, wait so many seconds for something to happen.",
        )
        .query("types", schemas::event_types(), "Only these, separated by commas.")
        .query("order_id", schemas::id(), "Only those of this order.")
        .query("source", schemas::string(), "The history that `after` is of: 410 if not this one.")
        .answers::<FeedBody<'_>>("The events")
        .fails_with(404)
        .fails_with(410)
        .fails_with(422)
}
