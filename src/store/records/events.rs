//! The rows of events, but for those of orders that were placed: their orders' rows have these.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::event::{Event, EventId, EventType};
use crate::domain::order::Status;
use crate::domain::{OrderId, UserId};
use crate::error::{Error, Result};

#[derive(Debug, Serialize, Deserialize)]
pub enum EventRecord {
    V1 {
        kind: u8,
        at_micros: u64,
        order: u64,
        version: u64,
        previous_status: Option<u8>,
        actor: Option<u64>,
    },
}

impl EventRecord {
    pub fn of(event: &Event) -> EventRecord {
        EventRecord::V1 {
            kind: event.kind.code(),
            at_micros: event.at.as_micros(),
            order: event.order.0,
            version: event.version,
            previous_status: event.previous_status.map(Status::code),
            actor: event.actor.map(|actor| actor.0),
        }
    }

    /// # Errors
    /// The row holds what no event can have.
    pub fn into_event(self, id: EventId) -> Result<Event> {
        let EventRecord::V1 { kind, at_micros, order, version, previous_status, actor } = self;
        let spoilt = || Error::Internal(format!("event {id} can't be read"));
        let previous = previous_status.map(|code| Status::of_code(code).ok_or_else(spoilt));
        Ok(Event {
            id,
            kind: EventType::of_code(kind).ok_or_else(spoilt)?,
            at: Timestamp::from_micros(at_micros),
            order: OrderId(order),
            version,
            previous_status: previous.transpose()?,
            actor: actor.map(UserId),
        })
    }
}
