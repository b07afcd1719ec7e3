//! Reads orders: one, or a list in pieces.
//!
//! What a filter costs: `reference`, `search`, statuses that are all open, and `user` have an
//! index, and the first of these in this order is read. The dates narrow the ids through the index
//! of hours, so that at either end at most the orders of one hour are read for nothing. What the
//! others leave is looked through.

use std::ops::RangeInclusive;

use redb::ReadableTable;

use super::{PAGE_ROWS, Snapshot};
use crate::clock::Timestamp;
use crate::domain::order::Status;
use crate::domain::order::content::Reference;
use crate::domain::order::words::Search;
use crate::domain::{Order, OrderId, UserId};
use crate::error::{Error, Result};
use crate::store::records::decode_order;
use crate::store::schema;

use super::merged::Ids;
use super::span::directed;

pub use super::span::{Direction, Span};

/// Bytes of rows that one short transaction goes through, about: orders with content may be large.
const CHUNK_BYTES: usize = 1 << 20;

/// Which orders to read. A field that is absent excludes none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub user: Option<UserId>,
    /// By the present status.
    pub success: Option<bool>,
    /// Inclusive, in whole seconds; so is `created_to`.
    pub created_from: Option<Timestamp>,
    pub created_to: Option<Timestamp>,
    pub statuses: Option<Vec<Status>>,
    pub reference: Option<Reference>,
    pub search: Option<Search>,
}

/// What one short read of a [`Span`] has found.
#[derive(Debug, Default)]
pub struct OrderChunk {
    pub orders: Vec<Order>,
    /// How many orders were read for it.
    pub looked_at: usize,
    /// What is left to read; none at the end of the list.
    pub rest: Option<Span>,
}

impl Snapshot {
    pub fn order(&self, id: OrderId) -> Result<Option<Order>> {
        match self.open(schema::ORDERS)?.get(id.0)? {
            Some(row) => Ok(Some(decode_order(id.0, row.value())?)),
            None => Ok(None),
        }
    }

    /// The largest order id so far; 0 when there is none.
    pub fn last_order_id(&self) -> Result<OrderId> {
        let orders = self.open(schema::ORDERS)?;
        Ok(OrderId(orders.last()?.map_or(0, |(key, _)| key.value())))
    }

    /// How many orders are in each of [`Status::OPEN`].
    pub fn open_counts(&self) -> Result<[u64; Status::OPEN.len()]> {
        let index = self.open(schema::ORDERS_OPEN)?;
        let mut counts = [0; Status::OPEN.len()];
        for (count, status) in counts.iter_mut().zip(Status::OPEN) {
            *count = index.range(all_of(status))?.count() as u64;
        }
        Ok(counts)
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
        Ok(span.past(after.map(|id| id.0), direction))
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
        let mut chunk = Chunk::new(filter, direction, span, limit);
        match self.indexed(filter, direction, span)? {
            Some(ids) => {
                for id in ids {
                    let id = id?;
                    let row = orders.get(id)?.ok_or_else(|| not_there(id))?;
                    if chunk.add(id, row.value())? {
                        return Ok(chunk.until(id));
                    }
                }
            }
            None => {
                for row in directed(orders.range::<u64>(span.ids())?, direction) {
                    let (id, record) = row?;
                    if chunk.add(id.value(), record.value())? {
                        return Ok(chunk.until(id.value()));
                    }
                }
            }
        }
        Ok(OrderChunk { orders: chunk.orders, looked_at: chunk.looked_at, rest: None })
    }

    /// The ids that the best index has for the filter, in the direction; none where all orders of
    /// the span have to be looked through.
    fn indexed(
        &self,
        filter: &OrderFilter,
        direction: Direction,
        span: Span,
    ) -> Result<Option<Ids<'static>>> {
        if let Some(reference) = &filter.reference {
            return self.ids_of_reference(reference, filter.user, direction, span);
        }
        if let Some(search) = &filter.search
            && let Some(ids) = self.ids_of_search(search, direction, span)?
        {
            return Ok(Some(ids));
        }
        if let Some(statuses) = &filter.statuses
            && statuses.iter().all(|status| status.is_open())
        {
            return self.ids_of_open(statuses, direction, span).map(Some);
        }
        let Some(UserId(user)) = filter.user else { return Ok(None) };
        let index = self.open(schema::ORDERS_BY_USER)?;
        let rows = index.range::<(u64, u64)>((user, span.first)..=(user, span.last))?;
        Ok(Some(directed(rows.map(|row| Ok(row?.0.value().1)), direction)))
    }

    fn ids_of_open(
        &self,
        statuses: &[Status],
        direction: Direction,
        span: Span,
    ) -> Result<Ids<'static>> {
        let index = self.open(schema::ORDERS_OPEN)?;
        let mut lists = Vec::new();
        for status in statuses.iter().map(|status| status.code()) {
            let rows = index.range::<(u8, u64)>((status, span.first)..=(status, span.last))?;
            lists.push(directed(rows.map(|row| Ok(row?.0.value().1)), direction));
        }
        Ok(Box::new(super::merged::merged(lists, direction)?))
    }

    /// One order for each user; all orders are looked through where too many users have it.
    fn ids_of_reference(
        &self,
        reference: &Reference,
        user: Option<UserId>,
        direction: Direction,
        span: Span,
    ) -> Result<Option<Ids<'static>>> {
        let index = self.open(schema::ORDERS_BY_REFERENCE)?;
        let (first, last) = user.map_or((0, u64::MAX), |user| (user.0, user.0));
        let text = reference.as_str();
        let mut ids = Vec::new();
        for row in index.range((text, first)..=(text, last))? {
            if ids.len() == PAGE_ROWS {
                return Ok(None);
            }
            ids.push(row?.1.value());
        }
        ids.retain(|id| span.holds(*id));
        ids.sort_unstable();
        Ok(Some(directed(ids.into_iter().map(Ok), direction)))
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
        let status = order.status();
        let reference = || order.content().and_then(|content| content.reference.as_ref());
        self.user.is_none_or(|user| order.user == user)
            && self.success.is_none_or(|success| status.is_success() == success)
            && self.created_from.is_none_or(|from| order.created_at >= from)
            && self.created_to.is_none_or(|to| order.created_at <= to)
            && self.statuses.as_ref().is_none_or(|statuses| statuses.contains(&status))
            && self.reference.as_ref().is_none_or(|wanted| reference() == Some(wanted))
            && self.search.as_ref().is_none_or(|search| search.finds(order))
    }
}

/// A chunk that is being read.
struct Chunk<'f> {
    filter: &'f OrderFilter,
    direction: Direction,
    span: Span,
    limit: usize,
    orders: Vec<Order>,
    looked_at: usize,
    bytes: usize,
}

impl<'f> Chunk<'f> {
    fn new(filter: &'f OrderFilter, direction: Direction, span: Span, limit: usize) -> Chunk<'f> {
        Chunk { filter, direction, span, limit, orders: Vec::new(), looked_at: 0, bytes: 0 }
    }

    /// Takes the order of a row, if it matches. Whether the chunk is full then.
    fn add(&mut self, id: u64, record: &[u8]) -> Result<bool> {
        let order = decode_order(id, record)?;
        if self.filter.matches(&order) {
            self.orders.push(order);
        }
        self.looked_at += 1;
        self.bytes += record.len();
        Ok(self.orders.len() >= self.limit
            || self.looked_at >= PAGE_ROWS
            || self.bytes >= CHUNK_BYTES)
    }

    fn until(self, id: u64) -> OrderChunk {
        let rest = self.span.past(Some(id), self.direction);
        OrderChunk { orders: self.orders, looked_at: self.looked_at, rest }
    }
}

fn all_of(status: Status) -> RangeInclusive<(u8, u64)> {
    (status.code(), 0)..=(status.code(), u64::MAX)
}

fn not_there(id: u64) -> Error {
    Error::Internal(format!("order {id} is indexed and not there"))
}
