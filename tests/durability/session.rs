//! A process that uses the store step by step, and tells the model each result.

use std::thread;
use std::time::{Duration, Instant};

use orderd::clock::{Clock, Timestamp};
use orderd::domain::order::change::Patch;
use orderd::domain::order::content::{Basket, Customer, Details, Line, NewContent, Reference};
use orderd::domain::order::{Actor, Change};
use orderd::domain::{EmailAddress, MessageId, NewOrder, Order, Outcome, Role, User, Username};
use orderd::error::{Error, Unavailable};
use orderd::metrics::Metrics;
use orderd::store::{
    ChangeOrder, CreateUser, Idempotency, MarkMails, OpenError, PlaceOrder, Store,
};
use orderd::sys::poll::Waker;

use crate::disk::Disk;
use crate::model::{Model, Step, word_of};

/// Ends tests that hang; right ones never take this long.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Session {
    pub store: Store,
    pub clock: Clock,
    metrics: Metrics,
    disk: Disk,
}

/// The result of a step.
#[derive(Debug)]
pub enum Answer {
    User(User),
    Order(Order),
    Marked,
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
        Ok(Session { store, clock, metrics, disk: disk.clone() })
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
        let answer = run(&self.store, step);
        learn(model, step, &answer);
        answer
    }

    /// Writes that share one batch, in their order: the first that has something to commit
    /// waits in its sync until those after it are queued.
    pub fn take_together(&self, steps: &[Step], model: &mut Model) -> Vec<Answer> {
        let answers = thread::scope(|scope| {
            let held = self.disk.hold_syncs();
            let mut queued = 0;
            let mut threads = Vec::new();
            for step in steps {
                let leads = !self.disk.is_syncing();
                let thread = scope.spawn(move || run(&self.store, step));
                if leads {
                    wait_until(|| thread.is_finished() || self.disk.is_syncing());
                } else {
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
            _ => 0,
        });
        learned.into_iter().for_each(|(step, answer)| learn(model, step, answer));
        answers
    }

    fn queue_depth(&self) -> i64 {
        self.metrics.store.queue_depth.get()
    }
}

fn run(store: &Store, step: &Step) -> Answer {
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
            store.write(MarkMails { marks: marks.clone(), at: *at }).map(|()| Answer::Marked)
        }
    }
    .unwrap_or_else(|why| failure(&why))
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
        (Step::Mark { marks, .. }, Answer::Marked) => model.marked(marks),
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
