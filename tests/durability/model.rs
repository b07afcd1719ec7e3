//! What the store must hold: all that was acknowledged, and all that was ever seen.

use std::collections::BTreeMap;

use orderd::clock::Timestamp;
use orderd::domain::order::OrderBody;
use orderd::domain::{MailId, Order, OrderId, Outcome, UserId};
use orderd::store::{Attempt, Direction, MailMark, OrderFilter, Snapshot, Store};

/// One write of a workload. Its moment is its own, so that its row can be known by it.
#[derive(Clone, Debug)]
pub enum Step {
    CreateUser { name: String, at: Timestamp },
    Place { user: UserId, outcome: Outcome, at: Timestamp },
    Mark { marks: Vec<MailMark>, at: Timestamp },
}

#[derive(Default)]
pub struct Model {
    pub users: BTreeMap<u64, String>,
    pub orders: BTreeMap<u64, Order>,
    pub mails: BTreeMap<u64, MailFact>,
    /// Steps whose outcome was unknown, and that nobody has looked for since.
    unsure: Vec<Step>,
    /// Names that somebody was refused because of.
    taken: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailFact {
    Pending { attempts: u32, due: Option<Timestamp> },
    Sent,
    Dead,
}

impl Model {
    /// A user was made and acknowledged.
    pub fn made_user(&mut self, id: UserId, name: &str) {
        let last = self.users.last_key_value().map_or(0, |(id, _)| *id);
        assert!(id.0 > last, "user id {id} after {last}");
        self.users.insert(id.0, name.to_owned());
    }

    /// An order was acknowledged.
    pub fn placed(&mut self, order: Order) {
        let last = self.orders.last_key_value().map_or(0, |(id, _)| *id);
        assert!(order.id.0 > last, "order id {} after {last}", order.id);
        self.adopt(order);
    }

    pub fn marked(&mut self, marks: &[MailMark]) {
        for mark in marks {
            self.mark(mark);
        }
    }

    pub fn refused_name(&mut self, name: &str) {
        self.taken.push(name.to_owned());
    }

    pub fn unsure_of(&mut self, step: &Step) {
        self.unsure.push(step.clone());
    }

    pub fn pending(&self) -> impl Iterator<Item = u64> + '_ {
        let pending = |fact: &MailFact| matches!(fact, MailFact::Pending { .. });
        self.mails.iter().filter(move |(_, fact)| pending(fact)).map(|(id, _)| *id)
    }

    /// Compares with what is stored. What was unknown is known then, and must stay.
    pub fn reconcile(&mut self, store: &Store) {
        let check = store.check().unwrap();
        assert!(check.is_sound(), "{:?}", check.faults);
        let snapshot = store.read().unwrap();
        let unsure = std::mem::take(&mut self.unsure);
        self.reconcile_users(&snapshot, &unsure);
        self.reconcile_orders(&snapshot, &unsure);
        self.reconcile_mails(&snapshot, &unsure);
        for name in std::mem::take(&mut self.taken) {
            let found = snapshot.user_by_name(&name).unwrap();
            assert!(found.is_some(), "{name} was refused as taken, and nobody has it");
        }
    }

    fn reconcile_users(&mut self, snapshot: &Snapshot, unsure: &[Step]) {
        for step in unsure {
            let Step::CreateUser { name, .. } = step else { continue };
            if let Some(user) = snapshot.user_by_name(name).unwrap() {
                let clash = self.users.insert(user.id.0, name.clone());
                assert!(clash.is_none_or(|known| known == *name), "user id {} reused", user.id);
            }
        }
        for (id, name) in &self.users {
            let user = snapshot.user_by_name(name).unwrap();
            let user = user.unwrap_or_else(|| panic!("user {id} is lost"));
            assert_eq!(user.id, UserId(*id), "user {name} has changed");
        }
        assert_eq!(snapshot.counts().unwrap().users, self.users.len() as u64);
    }

    fn reconcile_orders(&mut self, snapshot: &Snapshot, unsure: &[Step]) {
        for order in all_orders(snapshot) {
            if let Some(known) = self.orders.get(&order.id.0) {
                assert_eq!(*known, order, "an order has changed");
                continue;
            }
            let asked_for = unsure.iter().any(|step| {
                matches!(step, Step::Place { user, outcome, at }
                    if (*user, *at) == (order.user, order.created_at)
                        && order.body == OrderBody::Simple(*outcome))
            });
            assert!(asked_for, "an order that was never placed, or was refused: {order:?}");
            self.adopt(order);
        }
        let stored = snapshot.counts().unwrap().orders;
        assert_eq!(stored, self.orders.len() as u64, "orders are lost");
    }

    /// A set of marks is all there or not at all.
    fn reconcile_mails(&mut self, snapshot: &Snapshot, unsure: &[Step]) {
        let found = pending_mails(snapshot);
        for step in unsure {
            let Step::Mark { marks, .. } = step else { continue };
            let changed = |mark: &MailMark| found.get(&mark.id.0) != self.mails.get(&mark.id.0);
            let applied = marks.iter().filter(|mark| changed(mark)).count();
            assert!([0, marks.len()].contains(&applied), "half of these are done: {marks:?}");
            if applied > 0 {
                self.marked(marks);
            }
        }
        let known: BTreeMap<u64, MailFact> =
            self.pending().map(|id| (id, self.mails[&id].clone())).collect();
        assert_eq!(found, known, "the outbox is not what it was");
        let counts = snapshot.counts().unwrap();
        assert_eq!(counts.mails_sent, self.count(&MailFact::Sent), "sent mails");
        assert_eq!(counts.mails_dead, self.count(&MailFact::Dead), "dead mails");
    }

    fn count(&self, fact: &MailFact) -> u64 {
        self.mails.values().filter(|known| *known == fact).count() as u64
    }

    fn adopt(&mut self, order: Order) {
        let due = Some(order.created_at);
        self.mails.insert(order.id.0, MailFact::Pending { attempts: 0, due });
        self.orders.insert(order.id.0, order);
    }

    fn mark(&mut self, mark: &MailMark) {
        let fact = self.mails.get_mut(&mark.id.0).expect("a mail that was placed");
        let MailFact::Pending { attempts, .. } = *fact else { panic!("marked twice: {mark:?}") };
        *fact = match &mark.attempt {
            Attempt::Sent => MailFact::Sent,
            Attempt::Died { .. } => MailFact::Dead,
            Attempt::Deferred { due, .. } => {
                MailFact::Pending { attempts: attempts + 1, due: Some(*due) }
            }
        };
    }
}

fn all_orders(snapshot: &Snapshot) -> Vec<Order> {
    let (filter, direction) = (OrderFilter::default(), Direction::Ascending);
    let mut span = snapshot.order_span(&filter, direction, None).unwrap();
    let mut orders = Vec::new();
    while let Some(rest) = span {
        let chunk = snapshot.orders(&filter, direction, rest, usize::MAX).unwrap();
        orders.extend(chunk.orders);
        span = chunk.rest;
    }
    orders
}

fn pending_mails(snapshot: &Snapshot) -> BTreeMap<u64, MailFact> {
    let due = snapshot.due_mails(Timestamp::from_micros(u64::MAX), usize::MAX).unwrap();
    due.mails
        .into_iter()
        .map(|mail| {
            let orderd::domain::MailState::Pending { due } = mail.state else { unreachable!() };
            (mail.id.0, MailFact::Pending { attempts: mail.attempts, due: Some(due) })
        })
        .collect()
}

/// A mark for each of these mails, of the same kind.
pub fn marks(ids: &[u64], attempt: &Attempt) -> Vec<MailMark> {
    ids.iter()
        .map(|id| MailMark { id: MailId(*id), order: OrderId(*id), attempt: attempt.clone() })
        .collect()
}
