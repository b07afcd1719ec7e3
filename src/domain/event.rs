//! Events: what has changed, in the order in which it was committed.

use std::fmt;

use super::order::status::words;
use super::order::{Change, Status};
use crate::clock::Timestamp;
use crate::domain::{OrderId, UserId};

/// From 1, rising by one in the order of the commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

/// Names this store's history, in which event ids mean what they mean. A restored store has
/// another, since it gives ids again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub u128);

words! {
    /// What has happened to an order.
    pub enum EventType {
        Created = 0 "order.created",
        Updated = 1 "order.updated",
        Processing = 2 "order.processing",
        Ready = 3 "order.ready",
        Completed = 4 "order.completed",
        Canceled = 5 "order.canceled",
        PaymentRecorded = 6 "order.payment_recorded",
        RefundRecorded = 7 "order.refund_recorded",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub kind: EventType,
    /// Never before that of the event before it, whatever the clock does.
    pub at: Timestamp,
    pub order: OrderId,
    /// The order's version since then.
    pub version: u64,
    /// Of a change of status: what it was before.
    pub previous_status: Option<Status>,
    /// None for the operator.
    pub actor: Option<UserId>,
}

impl EventType {
    /// The event of a change; none where the change leads to a status that no change leads to.
    pub fn of(change: &Change) -> Option<EventType> {
        match change {
            Change::Update(_) => Some(EventType::Updated),
            Change::Payment(_) => Some(EventType::PaymentRecorded),
            Change::Refund(_) => Some(EventType::RefundRecorded),
            Change::Status { to, .. } => match to {
                Status::Processing => Some(EventType::Processing),
                Status::Ready => Some(EventType::Ready),
                Status::Completed => Some(EventType::Completed),
                Status::Canceled => Some(EventType::Canceled),
                Status::Pending | Status::Failed => None,
            },
        }
    }
}

impl Source {
    /// `None` unless it is printed as [`fmt::Display`] does it.
    pub fn parse(text: &str) -> Option<Source> {
        let digits: String = text.split('-').collect();
        let source = Source(u128::from_str_radix(&digits, 16).ok()?);
        (source.to_string() == text).then_some(source)
    }

    /// The first eight digits, for ids that others keep.
    pub fn short(self) -> String {
        format!("{:08x}", self.0 >> 96)
    }
}

/// As UUIDs are printed.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        f.write_str(&parts.join("-"))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_printed() {
        let source = Source(0x8f14_e45f_ceea_467a_9575_0ec2_6c2b_1d3e);
        let text = "8f14e45f-ceea-467a-9575-0ec26c2b1d3e";
        assert_eq!((source.to_string().as_str(), source.short().as_str()), (text, "8f14e45f"));
        assert_eq!(Source::parse(text), Some(source));
        for other in
            ["", "8F14E45F-ceea-467a-9575-0ec26c2b1d3e", "8f14e45fceea467a95750ec26c2b1d3e"]
        {
            assert_eq!(Source::parse(other), None, "{other}");
        }
    }
}
