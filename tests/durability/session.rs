//! A process that uses the store step by step, and tells the model each result.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use orderd::api::delivery_body;
use orderd::clock::{Clock, Timestamp};
use orderd::domain::order::change::Patch;
use orderd::domain::order::content::{Basket, Customer, Details, Line, NewContent, Reference};
use orderd::domain::order::{Actor, Change};
use orderd::domain::webhook::Networks;
use orderd::domain::{
    ApiKey, ApiKeyHash, EmailAddress, MessageId, NewOrder, Order, Outcome, Role, User, Username,
    Webhook, WebhookId,
};
use orderd::error::{Error, Result, Unavailable};
use orderd::metrics::Metrics;
use orderd::service::Warning;
use orderd::store::{
    ChangeOrder, ChangeWebhook, CreateApiKey, CreateUser, CreateWebhook, DeleteWebhook,
    Idempotency, MarkMails, OpenError, PlaceOrder, RevokeApiKey, Store,
};
use orderd::sys::poll::Waker;
use orderd::sys::stop::Stop;
use orderd::webhooks::delivery::{ATTEMPT, Outgoing};
use orderd::webhooks::endpoint::{Deliverer, Endpoint};
use orderd::webhooks::resolver::{Resolver, SystemNames};
use orderd::webhooks::trust::Trust;
use support::receiver::Reply;

use crate::disk::Disk;
use crate::model::{Model, Step, word_of};
use crate::webhooks::{Webhooks, event_of, new_webhook, secret_of, write_of};

/// Ends tests that hang; right ones never take this long.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Session {
    pub store: Store,
    pub clock: Clock,
    metrics: Metrics,
    disk: Disk,
    /// Who delivers to each webhook.
    endpoints: Mutex<BTreeMap<u64, Arc<Mutex<Endpoint>>>>,
    /// The last event that the receiver of each has taken in this life, since its last change.
    taken: Mutex<BTreeMap<u64, u64>>,
}

/// The result of a step.
#[derive(Debug)]
pub enum Answer {
    User(User),
    Order(Order),
    Webhook(Webhook),
    Key(ApiKey),
    Done,
    /// The name is taken.
    Refused,
    /// Nothing was done.
    Busy,
    /// The write has panicked, and nothing was done.
    Panicked,
    Unknown,
}

impl Session {
    pub fn open(disk: &Disk) -> std::result::Result<Session, OpenError> {
        let (clock, metrics) = (Clock::fixed(Timestamp::from_secs(1)), Metrics::new());
        let waker = Waker::new().expect("a descriptor");
        let store = Store::open_on(disk.storage(), clock.clone(), waker, &metrics)?;
        let disk = disk.clone();
        let (endpoints, taken) = (Mutex::default(), Mutex::default());
        Ok(Session { store, clock, metrics, disk, endpoints, taken })
    }

    /// Opens the file with the library alone, without the store.
    pub fn open_file(image: Vec<u8>) -> redb::Database {
        let file = redb::backends::InMemoryBackend::new();
        redb::StorageBackend::set_len(&file, image.len() as u64).unwrap();
        redb::StorageBackend::write(&file, 0, &image).unwrap();
        redb::Builder::new().create_with_backend(file).unwrap()
    }

    /// Takes one step, alone in its batch.
    pub fn take(&self, step: &Step, model: &mut Model) -> Answer {
        let answer = self.run(step, &model.webhooks);
        learn(model, step, &answer);
        answer
    }

    /// Writes that share one batch, in their order: the first that has something to commit
    /// waits in its sync until those after it are queued.
    pub fn take_together(&self, steps: &[Step], model: &mut Model) -> Vec<Answer> {
        let webhooks = &model.webhooks;
        let answers = thread::scope(|scope| {
            let held = self.disk.hold_syncs();
            let mut queued = 0;
            let mut threads = Vec::new();
            for step in steps {
                let leads = !self.disk.is_syncing();
                let thread = scope.spawn(move || self.run(step, webhooks));
                if leads {
                    wait_until(|| thread.is_finished() || self.disk.is_syncing());
                } else if !matches!(step, Step::Deliver { .. }) {
                    // A delivery reads first, which may have to wait for the sync.
                    queued += 1;
                    wait_until(|| thread.is_finished() || self.queue_depth() >= queued);
                }
                threads.push(thread);
            }
            drop(held);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        // A batch of the store's own may have come between them and changed their order.
        let mut learned: Vec<_> = steps.iter().zip(&answers).collect();
        learned.sort_by_key(|(_, answer)| match answer {
            Answer::User(user) => user.id.0,
            Answer::Order(order) => order.id.0,
            Answer::Key(key) => key.id.0,
            _ => 0,
        });
        learned.into_iter().for_each(|(step, answer)| learn(model, step, answer));
        answers
    }

    fn queue_depth(&self) -> i64 {
        self.metrics.store.queue_depth.get()
    }

    fn run(&self, step: &Step, webhooks: &Webhooks) -> Answer {
        let answer = match step {
            Step::CreateWebhook { .. }
            | Step::ChangeWebhook { .. }
            | Step::DeleteWebhook { .. } => self.set_up(step, webhooks),
            // It reads after it has written, and may write twice.
            Step::Deliver { id, status } => {
                self.deliver(*id, *status, webhooks).or(Ok(Answer::Unknown))
            }
            _ => write(&self.store, step),
        };
        answer.unwrap_or_else(|why| failure(&why))
    }

    fn set_up(&self, step: &Step, webhooks: &Webhooks) -> Result<Answer> {
        match step {
            Step::CreateWebhook { at } => {
                let (new, secret) = (new_webhook(webhooks.receiver(), *at), secret_of(*at));
                let create = CreateWebhook { new, secret, at: *at, trouble: None };
                self.store.write(create).map(Answer::Webhook)
            }
            Step::ChangeWebhook { id, change, at } => {
                let before = webhooks.get(*id).expect("a webhook that was made");
                self.taken.lock().unwrap().remove(&id.0);
                let change = write_of(before, *change, *at);
                self.store.write(ChangeWebhook { id: *id, change }).map(Answer::Webhook)
            }
            Step::DeleteWebhook { id } => {
                self.store.write(DeleteWebhook { id: *id }).map(|()| Answer::Done)
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// What was taken before is not sent again: neither once that is on disk, nor in the same life.
    fn deliver(&self, id: WebhookId, status: u16, webhooks: &Webhooks) -> Result<Answer> {
        webhooks.receiver().usually(Reply::status(status));
        // What is to be tried again is due.
        self.clock.advance(Duration::from_secs(3600));
        let snapshot = self.store.read()?;
        let (before, source) = (snapshot.webhook(id)?, snapshot.source()?);
        drop(snapshot);
        let before = before.expect("a webhook that was made");
        let seen = webhooks.got(&before).len();
        let step = self.endpoint(id).lock().unwrap().step();
        for got in &webhooks.got(&before)[seen..] {
            let event = event_of(got);
            let mut taken = self.taken.lock().unwrap();
            let last = taken.get(&id.0).copied().max(Some(before.cursor.0));
            assert!(Some(event) > last, "event {event} was sent again: {before:?}");
            if got.status == Some(200) {
                taken.insert(id.0, event);
            }
            assert_eq!(got.header("webhook-id"), format!("evt_{}_{event}", source.short()));
        }
        step?;
        let webhook = self.store.read()?.webhook(id)?;
        Ok(Answer::Webhook(webhook.expect("a webhook that was made")))
    }

    fn endpoint(&self, id: WebhookId) -> Arc<Mutex<Endpoint>> {
        let mut endpoints = self.endpoints.lock().unwrap();
        let made = || Arc::new(Mutex::new(Endpoint::new(id, self.deliverer())));
        Arc::clone(endpoints.entry(id.0).or_insert_with(made))
    }

    fn deliverer(&self) -> Deliverer {
        let waker = Waker::new().expect("a descriptor");
        Deliverer {
            store: self.store.clone(),
            clock: self.clock.clone(),
            outgoing: Outgoing {
                networks: Networks::everywhere(),
                resolver: Resolver::new(Arc::new(SystemNames), waker),
                trust: Trust::new(None),
                limit: ATTEMPT,
            },
            metrics: self.metrics.webhooks.clone(),
            warning: Warning::default(),
            render: delivery_body,
            stop: Stop::new(),
        }
    }
}

fn write(store: &Store, step: &Step) -> Result<Answer> {
    match step {
        Step::CreateUser { name, at } => store.write(new_user(name, *at)).map(Answer::User),
        Step::Place { user, outcome, at } => {
            let message_id = MessageId(format!("{}@example.com", at.as_secs()));
            let key = at.as_secs().to_string();
            let keep = Duration::from_secs(1);
            let idempotency = (at.as_secs() % 3 == 0).then_some(Idempotency { key, keep });
            let place = PlaceOrder::simple(*user, *outcome, message_id, *at);
            let place = PlaceOrder { idempotency, ..place };
            store.write(place).map(|placed| Answer::Order(placed.order))
        }
        Step::PlaceContent { user, at } => {
            let message_id = MessageId(format!("{}@example.com", at.as_secs()));
            let place = PlaceOrder::simple(*user, Outcome::Successful, message_id, *at);
            let order = NewOrder::Content(Box::new(content(*at)));
            store.write(PlaceOrder { order, ..place }).map(|placed| Answer::Order(placed.order))
        }
        Step::Change { order, at } => {
            let patch = Patch { note: Some(Some(word_of(*at))), ..Patch::default() };
            let (by, change) = (Actor { user: None, is_admin: true }, Change::Update(patch));
            let message_id = MessageId("unused@example.com".into());
            let change =
                ChangeOrder { id: *order, by, change, condition: None, message_id, at: *at };
            store.write(change).map(|changed| Answer::Order(changed.order))
        }
        Step::Mark { marks, at } => {
            store.write(MarkMails { marks: marks.clone(), at: *at }).map(|()| Answer::Done)
        }
        Step::CreateKey { user, at } => {
            let (user, at, name) = (*user, *at, word_of(*at));
            let mut hash = [7; 32];
            hash[..8].copy_from_slice(&at.as_secs().to_be_bytes());
            let hash = ApiKeyHash(hash);
            let create = CreateApiKey { user, name, hash, expires_at: None, at };
            store.write(create).map(Answer::Key)
        }
        Step::RevokeKey { id, at } => {
            store.write(RevokeApiKey { id: *id, owner: None, at: *at }).map(|()| Answer::Done)
        }
        other => unreachable!("{other:?}"),
    }
}

pub fn new_user(name: &str, at: Timestamp) -> CreateUser {
    CreateUser {
        username: Username::parse(name).unwrap(),
        email: EmailAddress::parse(&format!("{name}-{}@example.com", at.as_secs())).unwrap(),
        role: Role::User,
        password_hash: "$scrypt$".into(),
        at,
    }
}

/// Found by its reference and its customer's name, which are those of its moment.
fn content(at: Timestamp) -> NewContent {
    let customer = Customer { name: Some(word_of(at)), ..Customer::default() };
    let (note, customer) = (Some(word_of(at)), Some(customer));
    NewContent {
        basket: Basket { currency: None, prices_include_tax: false, lines: vec![Line::named("a")] },
        reference: Reference::parse(&word_of(at)),
        details: Details { note, customer, ..Details::default() },
        owner: None,
    }
}

fn failure(why: &Error) -> Answer {
    match why {
        Error::Refused("Username already registered") => Answer::Refused,
        Error::Unavailable(Unavailable::Busy { .. }) => Answer::Busy,
        Error::Unavailable(Unavailable::OutcomeUnknown) => Answer::Unknown,
        Error::Internal(_) => Answer::Panicked,
        other => panic!("a store in trouble said {other:?}"),
    }
}

fn learn(model: &mut Model, step: &Step, answer: &Answer) {
    match (step, answer) {
        (Step::CreateUser { name, .. }, Answer::User(user)) => model.made_user(user.id, name),
        (Step::CreateUser { name, .. }, Answer::Refused) => model.refused_name(name),
        (Step::Place { .. }, Answer::Order(order)) => model.placed(order.clone()),
        (Step::PlaceContent { .. }, Answer::Order(order)) => model.placed(order.clone()),
        (Step::Change { .. }, Answer::Order(order)) => model.changed(order.clone()),
        (Step::Mark { marks, .. }, Answer::Done) => model.marked(marks),
        (Step::CreateWebhook { .. }, Answer::Webhook(made)) => model.webhooks.made(made.clone()),
        (Step::ChangeWebhook { change, at, .. }, Answer::Webhook(changed)) => {
            model.webhooks.changed(*change, *at, changed.clone());
        }
        (Step::Deliver { .. }, Answer::Webhook(since)) => model.webhooks.stepped(since.clone()),
        (Step::DeleteWebhook { id }, Answer::Done) => model.webhooks.deleted(*id),
        (Step::CreateKey { .. }, Answer::Key(key)) => model.made_key(key.clone()),
        (Step::RevokeKey { id, at }, Answer::Done) => model.revoked_key(*id, *at),
        (_, Answer::Unknown) => model.unsure_of(step),
        (_, Answer::Busy | Answer::Panicked) => {}
        (step, answer) => panic!("{step:?} was answered {answer:?}"),
    }
}

/// Waits until `holds`, without sleeping: what it waits for comes at once.
#[track_caller]
pub fn wait_until(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < TIMEOUT, "it never came");
        thread::yield_now();
    }
}
