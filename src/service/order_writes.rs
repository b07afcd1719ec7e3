//! Orders: placed and changed. Both begin here and end once they are on disk, and no thread waits
//! in between.

use crate::auth::random_hex;
use crate::domain::order::{Actor, Change};
use crate::domain::{MessageId, NewOrder, OrderId};
use crate::error::{Error, Result};
use crate::service::operation::{Operation, OperationSpan};
use crate::service::{Caller, Context, Service};
use crate::store::{
    ChangeOrder, Changed, Condition, Idempotency, Notice, PlaceOrder, Placed, WriteHandle,
};

/// A write that has begun, and the operation that it belongs to.
pub struct PendingWrite<T> {
    span: OperationSpan,
    write: Result<WriteHandle<T>>,
}

/// An order on its way to the disk.
pub type PendingOrder = PendingWrite<Placed>;

/// A change of an order on its way to the disk.
pub struct PendingChange {
    write: PendingWrite<Changed>,
    kind: ChangeKind,
}

#[derive(Clone, Copy, Debug)]
enum ChangeKind {
    Status,
    Update,
    Payment,
    Refund,
}

impl<T> PendingWrite<T> {
    /// Whether its result is there without waiting.
    pub fn is_ready(&self) -> bool {
        self.write.as_ref().map_or(true, WriteHandle::is_ready)
    }
}

impl PendingChange {
    /// Whether [`Service::changed`] has a result without waiting.
    pub fn is_ready(&self) -> bool {
        self.write.is_ready()
    }
}

impl Service {
    /// Begins to place an order and to queue its mails, all or nothing. Under a key that this
    /// user has used for the same order, gives that one again. [`Service::placed`] ends it.
    pub fn place(&self, caller: &Caller, order: NewOrder, key: Option<String>) -> PendingOrder {
        let mut span = OperationSpan::begin();
        caller.note(&mut span.notes);
        let write = caller.actor().and_then(|by| {
            self.store.begin(PlaceOrder {
                by,
                notice: self.notice(&order)?,
                order,
                message_id: self.new_message_id()?,
                at: self.clock.now(),
                idempotency: key.map(|key| Idempotency { key, keep: self.keep_keys }),
            })
        });
        PendingWrite { span, write }
    }

    /// What has become of an order, once it is on disk.
    pub fn placed(&self, cx: &Context, pending: PendingOrder) -> Result<Placed> {
        let PendingWrite { mut span, write } = pending;
        let placed = write.and_then(WriteHandle::wait);
        if let Ok(placed) = &placed {
            span.notes.add("user", placed.order.user);
            span.notes.add("order", placed.order.id);
            if placed.replayed {
                span.notes.add("replayed", true);
            } else {
                self.counters.count_order(placed.order.status());
            }
        }
        self.operations.create_order.end(cx, span, placed)
    }

    /// Begins to change an order, and to queue the mail that tells of it. [`Service::changed`]
    /// ends it.
    pub fn change(
        &self,
        caller: &Caller,
        id: OrderId,
        change: Change,
        condition: Option<Condition>,
    ) -> PendingChange {
        let mut span = OperationSpan::begin();
        caller.note(&mut span.notes);
        span.notes.add("order", id);
        let kind = match &change {
            Change::Status { to, .. } => {
                span.notes.add("status", to.as_str());
                ChangeKind::Status
            }
            Change::Update(_) => ChangeKind::Update,
            Change::Payment(_) => ChangeKind::Payment,
            Change::Refund(_) => ChangeKind::Refund,
        };
        let write = caller.actor().and_then(|by| {
            let (message_id, at) = (self.new_message_id()?, self.clock.now());
            self.store.begin(ChangeOrder { id, by, change, condition, message_id, at })
        });
        PendingChange { write: PendingWrite { span, write }, kind }
    }

    /// What has become of a change, once it is on disk.
    pub fn changed(&self, cx: &Context, pending: PendingChange) -> Result<Changed> {
        let PendingChange { write: PendingWrite { mut span, write }, kind } = pending;
        let changed = write.and_then(WriteHandle::wait);
        if let Ok(Changed { order, is_new, .. }) = &changed {
            span.notes.add("version", order.version());
            if !is_new {
                span.notes.add("unchanged", true);
            }
        }
        self.operation_of(kind).end(cx, span, changed)
    }

    fn operation_of(&self, kind: ChangeKind) -> &Operation {
        match kind {
            ChangeKind::Status => &self.operations.set_order_status,
            ChangeKind::Update => &self.operations.update_order,
            ChangeKind::Payment => &self.operations.record_payment,
            ChangeKind::Refund => &self.operations.record_refund,
        }
    }

    /// The mail to the shop, if it wants one of such an order.
    fn notice(&self, order: &NewOrder) -> Result<Option<Notice>> {
        match (order, &self.notify) {
            (NewOrder::Content(_), Some(to)) => {
                Ok(Some(Notice { to: to.clone(), message_id: self.new_message_id()? }))
            }
            _ => Ok(None),
        }
    }

    fn new_message_id(&self) -> Result<MessageId> {
        let random = random_hex::<16>().map_err(Error::internal)?;
        Ok(MessageId(format!("{random}@{}", self.mail_domain)))
    }
}

impl Caller {
    fn actor(&self) -> Result<Actor> {
        let is_admin = self.require_admin().is_ok();
        match self {
            Caller::Operator => Ok(Actor { user: None, is_admin }),
            Caller::User { .. } | Caller::Anonymous => {
                Ok(Actor { user: Some(self.require_user()?), is_admin })
            }
        }
    }
}
