//! Orders: looked up, counted, listed.

use crate::domain::order::Status;
use crate::domain::{Order, OrderId, UserId};
use crate::error::{Error, Result};
use crate::service::{Caller, Context, Service};
use crate::store::{Direction, MAX_LOOKED_AT, OrderFilter, Span, Store};

/// Which orders are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderQuery {
    /// Its `user` is for admins.
    pub filter: OrderFilter,
    pub direction: Direction,
    /// Only what comes past this one, in the given direction.
    pub after: Option<OrderId>,
}

/// A part of a list.
#[derive(Debug, Default)]
pub struct OrderPage {
    pub orders: Vec<Order>,
    /// Where the list goes on, if it does.
    pub next: Option<OrderId>,
}

impl Service {
    /// One order: the caller's own, or any for an admin.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another user's order, too.
    pub fn order(&self, cx: &Context, caller: &Caller, id: OrderId) -> Result<Order> {
        self.operations.get_order.run(cx, |notes| {
            caller.note(notes);
            notes.add("order", id);
            let owner = owner_seen_by(caller)?;
            let found = self.store.read()?.order(id)?;
            found.filter(|order| owner.is_none_or(|it| it == order.user)).ok_or(Error::NotFound)
        })
    }

    /// How many orders are in each of [`Status::OPEN`].
    pub fn count_open_orders(
        &self,
        cx: &Context,
        caller: &Caller,
    ) -> Result<[u64; Status::OPEN.len()]> {
        self.operations.count_orders.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            self.store.read()?.open_counts()
        })
    }

    /// The caller's orders, or everyone's for an admin.
    pub fn orders(&self, cx: &Context, caller: &Caller, query: OrderQuery) -> Result<OrderPages> {
        self.operations.list_orders.run(cx, |notes| {
            caller.note(notes);
            let owner = owner_seen_by(caller)?;
            if query.filter.user.is_some() {
                caller.require_admin()?;
            }
            OrderPages::open(self.store.clone(), query, owner)
        })
    }
}

/// Whose orders the caller may see; `None` is everyone's.
fn owner_seen_by(caller: &Caller) -> Result<Option<UserId>> {
    match caller.require_admin() {
        Ok(()) => Ok(None),
        Err(_) => caller.require_user().map(Some),
    }
}

/// A list of any length in bounded memory. What it ends with is fixed when it is opened;
/// each piece is read in a short transaction of its own, so that a slow client pins nothing.
pub struct OrderPages {
    store: Store,
    filter: OrderFilter,
    direction: Direction,
    rest: Option<Span>,
}

impl OrderPages {
    fn open(store: Store, query: OrderQuery, owner: Option<UserId>) -> Result<OrderPages> {
        let OrderQuery { mut filter, direction, after } = query;
        filter.user = filter.user.or(owner);
        let rest = store.read()?.order_span(&filter, direction, after)?;
        Ok(OrderPages { store, filter, direction, rest })
    }

    /// The orders of the next piece that match, `limit` at most; none at the end of the list, and
    /// never none before it.
    pub fn next_piece(&mut self, limit: usize) -> Result<Vec<Order>> {
        while let Some(span) = self.rest {
            let chunk = self.store.read()?.orders(&self.filter, self.direction, span, limit)?;
            self.rest = chunk.rest;
            if !chunk.orders.is_empty() {
                return Ok(chunk.orders);
            }
        }
        Ok(Vec::new())
    }

    /// Whether the list has ended. It may have even before this says so.
    pub fn is_over(&self) -> bool {
        self.rest.is_none()
    }

    /// One page: `limit` orders at most, among the next [`MAX_LOOKED_AT`], and only so many as
    /// `fits` has room for; the first order fits always.
    pub fn page(
        mut self,
        limit: usize,
        mut fits: impl FnMut(&Order) -> Result<bool>,
    ) -> Result<OrderPage> {
        let (mut page, mut looked_at) = (OrderPage::default(), 0);
        while let Some(span) = self.rest {
            if looked_at >= MAX_LOOKED_AT {
                page.next = Some(span.after(self.direction));
                return Ok(page);
            }
            // One more than the page, to know whether there is a next one.
            let wanted = limit + 1 - page.orders.len();
            let chunk = self.store.read()?.orders(&self.filter, self.direction, span, wanted)?;
            (self.rest, looked_at) = (chunk.rest, looked_at + chunk.looked_at);
            for order in chunk.orders {
                let is_full = page.orders.len() == limit;
                if let Some(last) = page.orders.last()
                    && (is_full || !fits(&order)?)
                {
                    page.next = Some(last.id);
                    return Ok(page);
                }
                if page.orders.is_empty() {
                    fits(&order)?;
                }
                page.orders.push(order);
            }
        }
        Ok(page)
    }
}
