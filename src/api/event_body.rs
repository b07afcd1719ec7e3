//! An event as it is sent, over the feed and to webhooks.

use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{order_schemas, schemas};
use super::order_body::OrderBody;
use crate::clock::Timestamp;
use crate::domain::Order;
use crate::domain::event::Event;

/// What has happened to an order. `data` holds the order as it is now, not as it was then: keep
/// the one with the largest version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventBody<'a> {
    #[schema(schema_with = schemas::id)]
    id: u64,
    #[serde(rename = "type")]
    #[schema(schema_with = schemas::event_type)]
    kind: &'static str,
    #[schema(schema_with = schemas::zoned_time)]
    timestamp: String,
    /// The order's version since then.
    #[schema(schema_with = schemas::id)]
    version: u64,
    /// What a change of status has ended.
    #[schema(schema_with = order_schemas::order_status_or_null, required)]
    previous_status: Option<&'static str>,
    /// Null for the operator.
    #[schema(schema_with = schemas::id_or_none, required)]
    actor_id: Option<u64>,
    data: EventData<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventData)]
pub struct EventData<'a> {
    order: OrderBody<'a>,
}

impl<'a> EventBody<'a> {
    pub fn of(event: &Event, order: &'a Order) -> EventBody<'a> {
        EventBody {
            id: event.id.0,
            kind: event.kind.as_str(),
            timestamp: precise(event.at),
            version: event.version,
            previous_status: event.previous_status.map(|status| status.as_str()),
            actor_id: event.actor.map(|actor| actor.0),
            data: EventData { order: OrderBody::from(order) },
        }
    }
}

/// `2026-11-22T16:07:44.123456Z`
pub fn precise(at: Timestamp) -> String {
    format!("{at}.{:06}Z", at.as_micros() % 1_000_000)
}
