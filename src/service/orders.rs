//! Orders: placed, looked up, listed.

use crate::auth::random_hex;
use crate::clock::Timestamp;
use crate::domain::{MessageId, NewOrder, Order, OrderId, Outcome, UserId};
use crate::error::{Error, Result};
use crate::service::operation::OperationSpan;
use crate::service::{Caller, Context, Service};
use crate::store::{
    Direction, Idempotency, OrderFilter, PlaceOrder, Placed, Span, Store, WriteHandle,
};

/// Which orders are asked for; what is absent excludes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderQuery {
    /// For admins: one user's orders.
    pub user: Option<UserId>,
    pub outcome: Option<Outcome>,
    pub created_from: Option<Timestamp>,
    pub created_to: Option<Timestamp>,
    pub direction: Direction,
    /// Only what comes past this one, in the given direction.
    pub after: Option<OrderId>,
}

/// An order on its way to the disk.
pub struct PendingOrder {
    span: OperationSpan,
    write: Result<WriteHandle<Placed>>,
}

impl PendingOrder {
    /// Whether [`Service::placed`] has a result without waiting.
    pub fn is_ready(&self) -> bool {
        self.write.as_ref().map_or(true, WriteHandle::is_ready)
    }
}

impl Service {
    /// Begins to place an order and to queue its mail, both or neither. Under a key that this
    /// user has used for the same order, gives that one again. [`Service::placed`] ends it.
    pub fn place(&self, caller: &Caller, order: NewOrder, key: Option<String>) -> PendingOrder {
        let mut span = OperationSpan::begin();
        let write = caller.require_user().and_then(|user| {
            span.notes.add("user", user);
            self.store.begin(PlaceOrder {
                user,
                order,
                message_id: self.new_message_id()?,
                at: self.clock.now(),
                idempotency: key.map(|key| Idempotency { key, keep: self.keep_keys }),
            })
        });
        PendingOrder { span, write }
    }

    /// What has become of an order, once it is on disk.
    pub fn placed(&self, cx: &Context, pending: PendingOrder) -> Result<Placed> {
        let PendingOrder { mut span, write } = pending;
        let placed = write.and_then(WriteHandle::wait);
        if let Ok(placed) = &placed {
            span.notes.add("order", placed.order.id);
            if placed.replayed {
                span.notes.add("replayed", true);
            } else {
                self.counters.count_order(placed.order.outcome);
            }
        }
        self.operations.create_order.end(cx, span, placed)
    }

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

    /// The caller's orders, or everyone's for an admin.
    pub fn orders(&self, cx: &Context, caller: &Caller, query: &OrderQuery) -> Result<OrderPages> {
        self.operations.list_orders.run(cx, |notes| {
            caller.note(notes);
            let owner = owner_seen_by(caller)?;
            if query.user.is_some() {
                caller.require_admin()?;
            }
            OrderPages::open(self.store.clone(), query, query.user.or(owner))
        })
    }

    fn new_message_id(&self) -> Result<MessageId> {
        let random = random_hex::<16>().map_err(Error::internal)?;
        Ok(MessageId(format!("{random}@{}", self.mail_domain)))
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
    fn open(store: Store, query: &OrderQuery, user: Option<UserId>) -> Result<OrderPages> {
        let filter = OrderFilter {
            user,
            outcome: query.outcome,
            created_from: query.created_from,
            created_to: query.created_to,
        };
        let rest = store.read()?.order_span(&filter, query.direction, query.after)?;
        Ok(OrderPages { store, filter, direction: query.direction, rest })
    }

    /// The next orders, `limit` at most; fewer only when there are no more.
    pub fn next_page(&mut self, limit: usize) -> Result<Vec<Order>> {
        let mut page = Vec::new();
        while let Some(span) = self.rest
            && page.len() < limit
        {
            let wanted = limit - page.len();
            let chunk = self.store.read()?.orders(&self.filter, self.direction, span, wanted)?;
            page.extend(chunk.orders);
            self.rest = chunk.rest;
        }
        Ok(page)
    }
}
