//! Changes of an order with content: who may make which, when, and what becomes of the order.

use super::content::{Content, Customer, Details, Fulfillment, Metadata};
use super::status::{CancelReason, Status};
use crate::clock::Timestamp;
use crate::domain::UserId;
use crate::error::{Conflict, Error, Fact, Result};

pub use super::history::{DetailField, Entry, EntryKind, Payment, Refund};

/// Most payments of an order, and most refunds.
pub const MAX_PAYMENTS: usize = 20;
/// From so many entries of its history on, an order takes no updates, and no step back. What is
/// left of its life always fits, so that nobody can fill an order up and make it stuck.
pub const MAX_UPDATES: usize = 50;
/// The same for an admin's update of nothing but metadata.
pub const MAX_METADATA_UPDATES: usize = 55;

/// Who changes an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// None for the operator.
    pub user: Option<UserId>,
    pub is_admin: bool,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Status {
        to: Status,
        /// Only with [`Status::Canceled`].
        reason: Option<CancelReason>,
        note: Option<String>,
    },
    Update(Patch),
    Payment(Payment),
    Refund(Refund),
}

/// The new details; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    pub note: Option<Option<String>>,
    pub metadata: Option<Metadata>,
    pub customer: Option<Option<Customer>>,
    pub fulfillment: Option<Option<Fulfillment>>,
}

/// An answer that is found before anything is compared or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Already {
    /// The payment or refund was recorded under this key before.
    Replayed,
    /// The order has that status.
    Unchanged,
}

impl Patch {
    /// The fields that it names.
    fn named(&self) -> Vec<DetailField> {
        let named = [
            (DetailField::Note, self.note.is_some()),
            (DetailField::Metadata, self.metadata.is_some()),
            (DetailField::Customer, self.customer.is_some()),
            (DetailField::Fulfillment, self.fulfillment.is_some()),
        ];
        named.into_iter().filter(|(_, is_named)| *is_named).map(|(field, _)| field).collect()
    }

    fn applied_to(&self, details: &Details) -> Details {
        let mut new = details.clone();
        if let Some(note) = &self.note {
            new.note = note.clone();
        }
        if let Some(metadata) = &self.metadata {
            new.metadata = metadata.clone();
        }
        if let Some(customer) = &self.customer {
            new.customer = customer.clone();
        }
        if let Some(fulfillment) = &self.fulfillment {
            new.fulfillment = fulfillment.clone();
        }
        new
    }
}

impl Content {
    /// Whether the change was made before, so that a retry of what has worked is never an error.
    ///
    /// # Errors
    /// The key was used for something else.
    pub fn already(&self, change: &Change) -> Result<Option<Already>> {
        let key = match change {
            Change::Status { to, .. } => {
                return Ok((*to == self.status).then_some(Already::Unchanged));
            }
            Change::Update(_) => return Ok(None),
            Change::Payment(Payment { key, .. }) | Change::Refund(Refund { key, .. }) => key,
        };
        let Some(key) = key else { return Ok(None) };
        let used = self.history.iter().find(|entry| entry.kind.key() == Some(key));
        let is_same = |entry: &Entry| match (&entry.kind, change) {
            (EntryKind::Payment(made), Change::Payment(asked)) => made == asked,
            (EntryKind::Refund(made), Change::Refund(asked)) => made == asked,
            _ => false,
        };
        match used {
            None => Ok(None),
            Some(entry) if is_same(entry) => Ok(Some(Already::Replayed)),
            Some(_) => Err(Error::KeyReused { key: key.clone() }),
        }
    }

    /// Whether the caller may ask for it at all.
    ///
    /// # Errors
    /// [`Error::Forbidden`]
    pub fn permit(&self, change: &Change, actor: Actor) -> Result<()> {
        let may = actor.is_admin
            || match change {
                Change::Status { to, .. } => {
                    *to == Status::Canceled && self.status == Status::Pending
                }
                Change::Update(_) => true,
                Change::Payment(_) | Change::Refund(_) => false,
            };
        if may { Ok(()) } else { Err(Error::Forbidden("Admin privileges required")) }
    }

    /// Makes the change, and notes it in the history. Gives whether anything is different now.
    ///
    /// # Errors
    /// [`Error::Conflict`]: the order, as it is, does not allow it. Then nothing was changed.
    pub fn make(&mut self, change: &Change, actor: Actor, at: Timestamp) -> Result<bool> {
        let kind = match change {
            Change::Status { to, reason, note } => self.set_status(*to, *reason, note)?,
            Change::Update(patch) => match self.update(patch, actor)? {
                Some(kind) => kind,
                None => return Ok(false),
            },
            Change::Payment(payment) => self.pay(payment)?,
            Change::Refund(refund) => self.give_back(refund)?,
        };
        // The clock may have been set back.
        self.updated_at = self.updated_at.max(at.whole_secs());
        if !self.status.is_open() && self.closed_at.is_none() {
            self.closed_at = Some(self.updated_at);
        }
        self.history.push(Entry { at: self.updated_at, actor: actor.user, kind });
        Ok(true)
    }

    fn set_status(
        &mut self,
        to: Status,
        reason: Option<CancelReason>,
        note: &Option<String>,
    ) -> Result<EntryKind> {
        let from = self.status;
        if !from.next().contains(&to) {
            return refuse(format!(
                "An order that is {} can't become {}",
                from.as_str(),
                to.as_str()
            ));
        }
        if from.is_step_back(to) {
            self.require_room(MAX_UPDATES)?;
        }
        (self.status, self.cancel_reason) = (to, reason);
        Ok(EntryKind::Status { from, to, reason, note: note.clone() })
    }

    fn update(&mut self, patch: &Patch, actor: Actor) -> Result<Option<EntryKind>> {
        let is_metadata = patch.named() == [DetailField::Metadata];
        let may = match actor.is_admin {
            true => self.status.is_open() || is_metadata || patch.named().is_empty(),
            false => self.status == Status::Pending || patch.named().is_empty(),
        };
        if !may {
            return refuse(format!("An order that is {} can't be updated", self.status.as_str()));
        }
        let new = patch.applied_to(&self.details);
        let fields = changed(&self.details, &new);
        if fields.is_empty() {
            return Ok(None);
        }
        let most = if is_metadata && actor.is_admin { MAX_METADATA_UPDATES } else { MAX_UPDATES };
        self.require_room(most)?;
        let email = |details: &Details| details.customer.as_ref().and_then(|it| it.email.clone());
        if email(&self.details) != email(&new) {
            self.email_is_admins = actor.is_admin;
        }
        self.details = new;
        Ok(Some(EntryKind::Update { fields }))
    }

    fn pay(&self, payment: &Payment) -> Result<EntryKind> {
        if !self.status.is_success() {
            return refuse(format!("An order that is {} takes no payments", self.status.as_str()));
        }
        if self.payments().count() >= MAX_PAYMENTS {
            return refuse(format!("An order takes at most {MAX_PAYMENTS} payments"));
        }
        let (_, totals) = self.totals();
        let due = totals.total.less(self.amount_paid());
        if payment.amount > due {
            return Err(Conflict::new(format!("{due} is due")).with(Fact::Due(due.get())).into());
        }
        Ok(EntryKind::Payment(payment.clone()))
    }

    fn give_back(&self, refund: &Refund) -> Result<EntryKind> {
        if self.refunds().count() >= MAX_PAYMENTS {
            return refuse(format!("An order takes at most {MAX_PAYMENTS} refunds"));
        }
        let left = self.amount_paid().less(self.amount_refunded());
        if refund.amount > left {
            let conflict = Conflict::new(format!("{left} is refundable"));
            return Err(conflict.with(Fact::Refundable(left.get())).into());
        }
        Ok(EntryKind::Refund(refund.clone()))
    }

    fn require_room(&self, most: usize) -> Result<()> {
        if self.history.len() < most {
            return Ok(());
        }
        refuse("The order has been changed too often".to_owned())
    }
}

fn refuse<T>(why: String) -> Result<T> {
    Err(Conflict::new(why).into())
}

fn changed(old: &Details, new: &Details) -> Vec<DetailField> {
    let changed = [
        (DetailField::Note, old.note != new.note),
        (DetailField::Metadata, old.metadata != new.metadata),
        (DetailField::Customer, old.customer != new.customer),
        (DetailField::Fulfillment, old.fulfillment != new.fulfillment),
    ];
    changed.into_iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field).collect()
}
