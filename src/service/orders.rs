//! Orders: placed, listed.

use crate::auth::random_hex;
use crate::domain::{MessageId, NewOrder, Order, OrderId};
use crate::error::{Error, Result};
use crate::service::{Caller, Context, Service};
use crate::store::{OrderFilter, PlaceOrder, Store};

impl Service {
    /// Places an order and queues its mail, both or neither.
    pub fn place(&self, cx: &Context, caller: &Caller, order: NewOrder) -> Result<Order> {
        self.operations.create_order.run(cx, |notes| {
            let user = caller.require_user()?;
            notes.add("user", user);
            let at = self.clock.now();
            let message_id = self.new_message_id()?;
            let order = self.store.write(PlaceOrder { user, order, message_id, at })?;
            notes.add("order", order.id);
            self.counters.count_order(order.outcome);
            Ok(order)
        })
    }

    /// The caller's orders, or everyone's for an admin; oldest first.
    pub fn orders(&self, cx: &Context, caller: &Caller) -> Result<OrderPages> {
        self.operations.list_orders.run(cx, |notes| {
            let user = caller.require_user()?;
            notes.add("user", user);
            let filter = OrderFilter { user: (!caller.sees_all()).then_some(user) };
            OrderPages::open(self.store.clone(), filter)
        })
    }

    fn new_message_id(&self) -> Result<MessageId> {
        let random = random_hex::<16>().map_err(Error::internal)?;
        Ok(MessageId(format!("{random}@{}", self.mail_domain)))
    }
}

/// A list of any length in bounded memory. What it ends with is fixed when it is opened;
/// each page is read in a short transaction of its own, so that a slow client pins nothing.
pub struct OrderPages {
    store: Store,
    filter: OrderFilter,
    after: OrderId,
    last: OrderId,
}

impl OrderPages {
    fn open(store: Store, filter: OrderFilter) -> Result<OrderPages> {
        let last = store.read()?.last_order_id()?;
        Ok(OrderPages { store, filter, after: OrderId(0), last })
    }

    /// The next orders; empty when there are no more.
    pub fn next_page(&mut self) -> Result<Vec<Order>> {
        let page = self.store.read()?.orders(self.filter, self.after, self.last)?;
        self.after = page.last().map_or(self.last, |order| order.id);
        Ok(page)
    }
}
