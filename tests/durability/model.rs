//! What the store must hold: all that was acknowledged, and all that was ever seen.

use std::collections::BTreeMap;

use orderd::clock::Timestamp;
use orderd::domain::event::{Event, EventId};
use orderd::domain::order::OrderBody;
use orderd::domain::{ApiKey, ApiKeyId, MailId, Order, OrderId, Outcome, UserId, WebhookId};
use orderd::store::{Attempt, Direction, MailMark, OrderFilter, Snapshot, Store};

use crate::webhooks::{self, Webhooks};

/// One write of a workload. Its moment is its own, so that its row can be known by it.
#[derive(Clone, Debug)]
pub enum Step {
    CreateUser {
        name: String,
        at: Timestamp,
    },
    Place {
        user: UserId,
        outcome: Outcome,
        at: Timestamp,
    },
    /// An order with content, whose words are its moment's.
    PlaceContent {
        user: UserId,
        at: Timestamp,
    },
    /// Makes the order's note its moment's.
    Change {
        order: OrderId,
        at: Timestamp,
    },
    Mark {
        marks: Vec<MailMark>,
        at: Timestamp,
    },
    CreateWebhook {
        at: Timestamp,
    },
    ChangeWebhook {
        id: WebhookId,
        change: webhooks::Change,
        at: Timestamp,
    },
    DeleteWebhook {
        id: WebhookId,
    },
    /// One step of its deliveries. Its receiver answers with that status.
    Deliver {
        id: WebhookId,
        status: u16,
    },
    /// A key that is known by its moment.
    CreateKey {
        user: UserId,
        at: Timestamp,
    },
    RevokeKey {
        id: ApiKeyId,
        at: Timestamp,
    },
}

#[derive(Default)]
pub struct Model {
    pub users: BTreeMap<u64, String>,
    pub orders: BTreeMap<u64, Order>,
    pub mails: BTreeMap<u64, MailFact>,
    pub webhooks: Webhooks,
    pub keys: BTreeMap<u64, ApiKey>,
    /// The feed as it was last seen.
    events: Vec<Event>,
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

    /// A change was acknowledged.
    pub fn changed(&mut self, order: Order) {
        let known = self.orders.insert(order.id.0, order).expect("an order that was placed");
        assert!(known.content().is_some(), "a simple order has changed: {known:?}");
    }

    /// The orders that can be changed.
    pub fn with_content(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.orders.values().filter(|order| order.content().is_some()).map(|order| order.id)
    }

    pub fn marked(&mut self, marks: &[MailMark]) {
        for mark in marks {
            self.mark(mark);
        }
    }

    /// A key was made and acknowledged.
    pub fn made_key(&mut self, key: ApiKey) {
        let last = self.keys.last_key_value().map_or(0, |(id, _)| *id);
        assert!(key.id.0 > last, "key id {} after {last}", key.id);
        self.keys.insert(key.id.0, key);
    }

    pub fn revoked_key(&mut self, id: ApiKeyId, at: Timestamp) {
        let key = self.keys.get_mut(&id.0).expect("a key that was made");
        key.revoked_at = key.revoked_at.or(Some(at));
    }

    pub fn refused_name(&mut self, name: &str) {
        self.taken.push(name.to_owned());
    }

    pub fn unsure_of(&mut self, step: &Step) {
        self.unsure.push(step.clone());
    }

    /// The last event that was seen.
    pub fn last_event(&self) -> EventId {
        self.events.last().map_or(EventId(0), |event| event.id)
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
        self.reconcile_events(&snapshot);
        self.webhooks.reconcile(&snapshot, &unsure, &self.events);
        self.reconcile_keys(&snapshot, &unsure);
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
                let changed = *known != order;
                let asked_for = unsure.iter().any(|step| is_change_to(step, known, &order));
                assert!(!changed || asked_for, "an order has changed: {known:?} to {order:?}");
                self.orders.insert(order.id.0, order);
                continue;
            }
            let asked_for = unsure.iter().any(|step| match step {
                Step::Place { user, outcome, at } => {
                    (*user, *at) == (order.user, order.created_at)
                        && order.body == OrderBody::Simple(*outcome)
                }
                Step::PlaceContent { user, at } => {
                    (*user, *at) == (order.user, order.created_at)
                        && note_of(&order) == Some(word_of(*at))
                }
                _ => false,
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

    /// What the feed has shown it shows for ever, and every order and change once.
    fn reconcile_events(&mut self, snapshot: &Snapshot) {
        let events = snapshot.events_past(EventId(0)).unwrap();
        let events: Vec<Event> = events.map(Result::unwrap).collect();
        assert!(events.starts_with(&self.events), "the feed has lost what it had shown");
        let changes = |order: &Order| order.version();
        let expected: u64 = self.orders.values().map(changes).sum();
        assert_eq!(events.len() as u64, expected, "events");
        self.events = events;
    }

    /// [`Store::check`] has seen that each is found by its hash, and by nothing else.
    fn reconcile_keys(&mut self, snapshot: &Snapshot, unsure: &[Step]) {
        let of = |user: &u64| snapshot.api_keys_of(UserId(*user)).unwrap();
        let found: BTreeMap<u64, ApiKey> =
            self.users.keys().flat_map(of).map(|key| (key.id.0, key)).collect();
        for step in unsure {
            match step {
                Step::CreateKey { at, .. } => {
                    let made = found.values().find(|key| key.name == word_of(*at));
                    made.into_iter().for_each(|key| self.made_key(key.clone()));
                }
                Step::RevokeKey { id, at } if found[&id.0].revoked_at == Some(*at) => {
                    self.revoked_key(*id, *at);
                }
                _ => {}
            }
        }
        assert_eq!(found, self.keys, "the keys are not what they were");
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

impl Step {
    /// The webhook that it touches, where there is one already.
    pub fn webhook(&self) -> Option<WebhookId> {
        match self {
            Step::ChangeWebhook { id, .. }
            | Step::DeleteWebhook { id }
            | Step::Deliver { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// Whether the step makes the one order the other.
fn is_change_to(step: &Step, known: &Order, found: &Order) -> bool {
    let Step::Change { order, at } = step else { return false };
    *order == known.id
        && found.version() == known.version() + 1
        && note_of(found) == Some(word_of(*at))
}

fn note_of(order: &Order) -> Option<String> {
    order.content().and_then(|content| content.details.note.clone())
}

/// What a moment's order or change is known by.
pub fn word_of(at: Timestamp) -> String {
    format!("at{}", at.as_secs())
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
