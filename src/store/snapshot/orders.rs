//! Reads orders: one, or a list in pieces.
//!
//! What a filter costs: `user` has an index, so that only this user's orders are read. The dates
//! narrow the ids through the index of hours, so that at either end at most the orders of one
//! hour are read for nothing. `outcome` has no index: every order that the others leave is read.

use std::ops::RangeInclusive;

use redb::{ReadOnlyTable, ReadableTable};

use super::{PAGE_ROWS, Snapshot};
use crate::clock::Timestamp;
use crate::domain::{Order, OrderId, Outcome, UserId};
use crate::error::{Error, Result};
use crate::store::records::{OrderRecord, decode};
use crate::store::schema;

/// Which orders to read. A field that is absent excludes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub user: Option<UserId>,
    pub outcome: Option<Outcome>,
    /// Inclusive, in whole seconds; so is `created_to`.
    pub created_from: Option<Timestamp>,
    pub created_to: Option<Timestamp>,
}

/// The order of a list, by id and so by age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// The ids that a list still has to go through, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    first: u64,
    last: u64,
}

/// What one short read of a [`Span`] has found.
#[derive(Debug, Default)]
pub struct OrderChunk {
    pub orders: Vec<Order>,
    /// What is left to read; none at the end of the list.
    pub rest: Option<Span>,
}

impl Snapshot {
    pub fn order(&self, id: OrderId) -> Result<Option<Order>> {
        match self.open(schema::ORDERS)?.get(id.0)? {
            Some(row) => Ok(Some(decode::<OrderRecord<'_>>(row.value())?.order(id.0))),
            None => Ok(None),
        }
    }

    /// The largest order id so far; 0 when there is none.
    pub fn last_order_id(&self) -> Result<OrderId> {
        let orders = self.open(schema::ORDERS)?;
        Ok(OrderId(orders.last()?.map_or(0, |(key, _)| key.value())))
    }

    /// The ids past `after`, in the given direction, that may match; none where no order can.
    /// Orders that are placed later have larger ids and never become part of it.
    pub fn order_span(
        &self,
        filter: &OrderFilter,
        direction: Direction,
        after: Option<OrderId>,
    ) -> Result<Option<Span>> {
        let mut span = Span { first: 1, last: self.last_order_id()?.0 };
        if filter.created_from.is_some() || filter.created_to.is_some() {
            let Some(dated) = self.ids_between(filter.created_from, filter.created_to)? else {
                return Ok(None);
            };
            span = Span { first: span.first.max(dated.first), last: span.last.min(dated.last) };
        }
        match (after, direction) {
            (Some(after), Direction::Ascending) => {
                span.first = span.first.max(after.0.saturating_add(1))
            }
            (Some(after), Direction::Descending) => {
                span.last = span.last.min(after.0.saturating_sub(1))
            }
            (None, _) => {}
        }
        Ok((span.first <= span.last).then_some(span))
    }

    /// Reads the span's orders, [`PAGE_ROWS`] rows at most, and stops at `limit` orders that match.
    pub fn orders(
        &self,
        filter: &OrderFilter,
        direction: Direction,
        span: Span,
        limit: usize,
    ) -> Result<OrderChunk> {
        let orders = self.open(schema::ORDERS)?;
        match filter.user {
            Some(UserId(user)) => {
                let index = self.open(schema::ORDERS_BY_USER)?;
                let range = (user, span.first)..=(user, span.last);
                let listed = directed(index.range::<(u64, u64)>(range)?, direction);
                let rows = listed.map(|row| require_order(&orders, row?.0.value().1));
                collect(rows, filter, direction, span, limit)
            }
            None => {
                let rows = orders.range::<u64>(span.ids())?;
                let rows = rows.map(|row| {
                    let (id, record) = row?;
                    Ok(decode::<OrderRecord<'_>>(record.value())?.order(id.value()))
                });
                collect(directed(rows, direction), filter, direction, span, limit)
            }
        }
    }

    /// The ids of all orders placed in the hours that `from` and `to` touch.
    fn ids_between(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Option<Span>> {
        let hours = from.map_or(0, schema::hour_of)..=to.map_or(u64::MAX, schema::hour_of);
        let mut found: Option<Span> = None;
        for row in self.open(schema::ORDERS_BY_HOUR)?.range(hours)? {
            let (first, last) = row?.1.value();
            found = Some(match found {
                Some(span) => Span { first: span.first.min(first), last: span.last.max(last) },
                None => Span { first, last },
            });
        }
        Ok(found)
    }
}

impl OrderFilter {
    fn matches(&self, order: &Order) -> bool {
        self.outcome.is_none_or(|outcome| order.outcome == outcome)
            && self.created_from.is_none_or(|from| order.created_at >= from)
            && self.created_to.is_none_or(|to| order.created_at <= to)
    }
}

impl Span {
    fn ids(&self) -> RangeInclusive<u64> {
        self.first..=self.last
    }

    /// What is left of the span after `id`.
    fn beyond(&self, id: u64, direction: Direction) -> Option<Span> {
        let rest = match direction {
            Direction::Ascending => Span { first: id.saturating_add(1), last: self.last },
            Direction::Descending => Span { first: self.first, last: id.saturating_sub(1) },
        };
        (rest.first <= rest.last).then_some(rest)
    }
}

fn directed<'i, I>(rows: I, direction: Direction) -> Box<dyn Iterator<Item = I::Item> + 'i>
where
    I: DoubleEndedIterator + 'i,
{
    match direction {
        Direction::Ascending => Box::new(rows),
        Direction::Descending => Box::new(rows.rev()),
    }
}

fn collect(
    rows: impl Iterator<Item = Result<Order>>,
    filter: &OrderFilter,
    direction: Direction,
    span: Span,
    limit: usize,
) -> Result<OrderChunk> {
    let mut orders = Vec::new();
    for (read, row) in rows.enumerate() {
        let order = row?;
        if filter.matches(&order) {
            orders.push(order);
        }
        if orders.len() >= limit || read + 1 >= PAGE_ROWS {
            return Ok(OrderChunk { orders, rest: span.beyond(order.id.0, direction) });
        }
    }
    Ok(OrderChunk { orders, rest: None })
}

/// The order that an index names.
pub(super) fn require_order(table: &ReadOnlyTable<u64, &'static [u8]>, id: u64) -> Result<Order> {
    let missing = || Error::Internal(format!("order {id} is indexed and not there"));
    let row = table.get(id)?.ok_or_else(missing)?;
    Ok(decode::<OrderRecord<'_>>(row.value())?.order(id))
}
