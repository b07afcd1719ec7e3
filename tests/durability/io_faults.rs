//! Disks that fail once, at every operation of a workload in turn; that fill up; whose
//! readers fail. The store mends itself as soon as the disk allows, and tells the truth
//! meanwhile.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use orderd::clock::{Clock, Timestamp};
use orderd::domain::event::EventId;
use orderd::domain::{MailId, Order, Outcome, User, UserId};
use orderd::error::{Error, Unavailable};
use orderd::metrics::Metrics;
use orderd::store::{Attempt, RetryMail, Storage, Store, WriteHandle};
use orderd::sys::poll::Waker;
use redb::{Builder, Database, DatabaseError};

use crate::disk::{Disk, Effect, Fault, Kind};
use crate::model::{Model, Step, marks};
use crate::session::{self, Answer, Session, wait_until};
use crate::webhooks::Change;

#[test]
fn any_write_may_fail_once() {
    every_operation_fails_in_turn(Kind::Write);
}

#[test]
fn any_sync_may_fail_once() {
    every_operation_fails_in_turn(Kind::Sync);
}

#[test]
fn any_read_may_fail_once() {
    every_operation_fails_in_turn(Kind::Read);
}

#[test]
fn any_resize_may_fail_once() {
    every_operation_fails_in_turn(Kind::Length);
}

/// The workload has one step for each.
const SECONDS: u64 = 46;
/// From then on it is about webhooks and keys.
const SET_UP: u64 = 30;

/// Runs the workload with the first operation failing, then with the second, until it is
/// over before the fault comes.
fn every_operation_fails_in_turn(kind: Kind) {
    let mut nth = 1;
    loop {
        let disk = Disk::new(nth);
        disk.schedule(Fault { kind: Some(kind), nth, effect: Effect::Error });
        let mut model = Model::default();
        let session = Session::open(&disk).or_else(|_| Session::open(&disk));
        let session = session.unwrap_or_else(|why| panic!("{kind:?} {nth}: {why}"));
        work(&session, &mut model);
        model.reconcile(&session.store);
        session.store.close();
        if !disk.has_failed() {
            assert!(nth > 1, "the workload has none of these");
            return;
        }
        let reopened = Session::open(&disk).unwrap();
        model.reconcile(&reopened.store);
        nth += 1;
    }
}

/// A bug below the store, in the middle of a commit for the most part. The store goes on
/// without a restart, with all that it had.
#[test]
fn any_operation_of_the_committer_may_panic_once() {
    for kind in [Kind::Write, Kind::Sync, Kind::Length] {
        let (mut nth, mut unknown) = (1, 0);
        while let Some(answers) = panic_once(kind, nth) {
            unknown += answers.iter().filter(|it| matches!(it, Answer::Unknown)).count();
            nth += 1;
        }
        assert!(unknown > 0, "no {kind:?} of a commit has panicked");
    }
}

/// What the steps came to before they were done; none where the workload was over first.
fn panic_once(kind: Kind, nth: u64) -> Option<Vec<Answer>> {
    let (disk, mut model) = (Disk::new(nth), Model::default());
    let session = Session::open(&disk).unwrap();
    disk.schedule(Fault { kind: Some(kind), nth, effect: Effect::Panic });
    let mut failures = Vec::new();
    for second in (0..12).chain(SET_UP..SECONDS) {
        loop {
            let answer = session.take(&step(second, &model), &mut model);
            if !is_failure(&answer) && !matches!(answer, Answer::Panicked) {
                break;
            }
            failures.push(answer);
            assert!(failures.len() <= 1, "{kind:?} {nth}: {failures:?}");
            wait_until(|| session.store.read().is_ok());
            model.reconcile(&session.store);
        }
    }
    let has_panicked = disk.has_failed();
    disk.unschedule();
    wait_until(|| session.store.trouble().is_none());
    session.store.close();
    let reopened = Session::open(&disk).unwrap();
    model.reconcile(&reopened.store);
    has_panicked.then_some(failures)
}

/// Every step is tried until it is done, and a fault that comes once costs it one try.
fn work(session: &Session, model: &mut Model) {
    for second in 0..SECONDS {
        let mut failures = 0;
        while is_failure(&session.take(&step(second, model), model)) {
            assert!(session.store.trouble().is_some(), "it refuses and says that all is well");
            failures += 1;
            assert!(failures <= 1, "one fault has cost two tries");
            wait_until(|| session.store.read().is_ok());
            model.reconcile(&session.store);
        }
        assert_eq!(session.store.trouble(), None, "it works and says that it doesn't");
    }
}

/// A user first, then orders, marks among them. After a failure it depends on what the
/// model has seen, so that nothing is marked or made twice.
fn step(second: u64, model: &Model) -> Step {
    let versions: u64 = model.orders.values().map(Order::version).sum();
    let at = moment(second * 1000 + versions);
    let Some(user) = model.users.keys().next() else {
        return Step::CreateUser { name: "ann".into(), at };
    };
    if second >= SET_UP {
        return step_of_set_up(second - SET_UP, at, model);
    }
    match model.pending().next() {
        Some(mail) if second % 3 == 2 => {
            let deferred = Attempt::Deferred { due: at, error: "451".into() };
            let attempt = if second.is_multiple_of(2) { deferred } else { Attempt::Sent };
            Step::Mark { marks: marks(&[mail], &attempt), at }
        }
        _ => match (second % 5, model.with_content().next()) {
            (1, _) => Step::PlaceContent { user: UserId(*user), at },
            (3, Some(order)) => Step::Change { order, at },
            _ => Step::Place { user: UserId(*user), outcome: Outcome::Successful, at },
        },
    }
}

/// The life of a webhook, and of a key. What was made or removed by a step that has failed is not
/// made or removed again.
fn step_of_set_up(nth: u64, at: Timestamp, model: &Model) -> Step {
    let user = UserId(*model.users.keys().next().expect("a user"));
    let order = Step::Place { user, outcome: Outcome::Successful, at };
    let Some(id) = model.webhooks.ids().next() else {
        return if nth == 0 { Step::CreateWebhook { at } } else { order };
    };
    let change = match nth {
        2 => Change::Rotate,
        5 => Change::Seek(EventId(1)),
        8 => Change::Update,
        9 => Change::Disable,
        10 => Change::Enable,
        4 | 6 | 11 => return Step::Deliver { id, status: 200 },
        3 => return Step::Deliver { id, status: 500 },
        13 => return Step::Deliver { id, status: 410 },
        14 => return Step::DeleteWebhook { id },
        7 if model.keys.is_empty() => return Step::CreateKey { user, at },
        12 => match model.keys.values().find(|key| key.revoked_at.is_none()) {
            Some(key) => return Step::RevokeKey { id: key.id, at },
            None => return order,
        },
        _ => return order,
    };
    Step::ChangeWebhook { id, change, at }
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_takes_writes_again_when_there_is_room() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    work(&session, &mut model);
    disk.fill_up();
    for second in 0..5 {
        let answer = session.take(&new_user(second), &mut model);
        assert!(is_failure(&answer), "{answer:?}");
        assert!(session.store.trouble().is_some());
        assert!(session.store.read().unwrap().user(UserId(1)).unwrap().is_some());
    }
    disk.make_room();
    let answer = session.take(&new_user(9), &mut model);
    assert!(matches!(answer, Answer::User(_)), "{answer:?}");
    assert_eq!(session.store.trouble(), None);
    model.reconcile(&session.store);
}

#[test]
fn a_disk_that_is_nearly_full_takes_marks_and_nothing_new() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    work(&session, &mut model);
    session.store.close();
    disk.set_free_bytes(Some(1000));
    let session = Session::open(&disk).unwrap();
    assert!(matches!(session.take(&new_user(1), &mut model), Answer::Busy));
    assert!(session.store.trouble().unwrap().contains("nearly full"));
    let mail = model.pending().next().unwrap();
    let sent = Step::Mark { marks: marks(&[mail], &Attempt::Sent), at: moment(2) };
    assert!(matches!(session.take(&sent, &mut model), Answer::Done));
    assert!(session.store.trouble().is_some(), "a mark doesn't make room");
    disk.set_free_bytes(None);
    session.clock.advance(std::time::Duration::from_secs(2));
    assert!(matches!(session.take(&new_user(3), &mut model), Answer::User(_)));
    assert_eq!(session.store.trouble(), None);
}

#[test]
fn a_shortage_that_ends_while_nobody_writes_is_noticed() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    disk.set_free_bytes(Some(1000));
    let session = Session::open(&disk).unwrap();
    assert!(matches!(session.take(&new_user(1), &mut model), Answer::Busy));
    disk.set_free_bytes(None);
    session.clock.advance(std::time::Duration::from_secs(2));
    wait_until(|| session.store.trouble().is_none());
}

#[test]
fn a_disk_that_works_again_is_noticed_while_nobody_writes() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    disk.fill_up();
    assert!(is_failure(&session.take(&new_user(1), &mut model)));
    assert!(session.store.trouble().is_some());
    disk.make_room();
    wait_until(|| session.store.trouble().is_none());
}

#[test]
fn a_disk_that_works_again_is_noticed_while_every_write_is_refused() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    disk.fill_up();
    assert!(is_failure(&session.take(&new_user(1), &mut model)));
    disk.make_room();
    wait_until(|| {
        let nobodys = RetryMail { id: MailId(9), at: moment(1) };
        session.store.write(nobodys).is_err() && session.store.trouble().is_none()
    });
}

#[test]
fn a_read_that_fails_is_noticed_and_mended_while_nobody_writes() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    work(&session, &mut model);
    session.store.close();
    disk.forgo_cache();
    let session = Session::open(&disk).unwrap();
    disk.schedule(Fault { kind: Some(Kind::Read), nth: 1, effect: Effect::Error });
    wait_until(|| session.store.check().is_err());
    wait_until(|| session.store.check().is_ok());
    wait_until(|| session.store.trouble().is_none());
    model.reconcile(&session.store);
}

#[test]
fn a_refused_write_harms_none_of_its_batch() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    let ann = |second| Step::CreateUser { name: "ann".into(), at: moment(second) };
    let steps = [ann(1), ann(2), new_user(3), ann(4), new_user(5)];
    let answers = session.take_together(&steps, &mut model);
    let refused: Vec<bool> = answers.iter().map(|it| matches!(it, Answer::Refused)).collect();
    assert_eq!(refused, [false, true, false, true, false], "{answers:?}");
    model.reconcile(&session.store);
}

#[test]
fn whoever_is_refused_for_a_write_that_is_lost_is_not_told_so() {
    let (disk, mut model) = (Disk::new(1), Model::default());
    let session = Session::open(&disk).unwrap();
    let ann = |second| Step::CreateUser { name: "ann".into(), at: moment(second) };
    let before = disk.counts().syncs;
    assert!(!is_failure(&session.take(&new_user(0), &mut model)));
    let syncs_each = disk.counts().syncs - before;
    // The first goes alone; the sync of the batch that the others make up fails.
    let nth = syncs_each + 1;
    disk.schedule(Fault { kind: Some(Kind::Sync), nth, effect: Effect::Error });
    let answers = session.take_together(&[new_user(1), ann(2), ann(3)], &mut model);
    assert!(matches!(answers[..], [Answer::User(_), Answer::Unknown, Answer::Busy]), "{answers:?}");
    model.reconcile(&session.store);
}

/// Whoever tries again at once shall find a store that works.
#[test]
fn a_write_that_is_lost_has_its_answer_only_when_the_store_opens_no_more() {
    let disk = Disk::new(1);
    let (lost, was_answered) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
    let storage = Box::new(Watched {
        storage: disk.storage(),
        lost: Arc::clone(&lost),
        was_answered: Arc::clone(&was_answered),
    });
    let (waker, metrics) = (Waker::new().unwrap(), Metrics::new());
    let store = Store::open_on(storage, Clock::system(), waker, &metrics).unwrap();
    let before = disk.counts().syncs;
    store.write(session::new_user("ann", moment(1))).unwrap();
    let nth = disk.counts().syncs - before + 1;
    disk.schedule(Fault { kind: Some(Kind::Sync), nth, effect: Effect::Error });
    let held = disk.hold_syncs();
    thread::scope(|scope| {
        scope.spawn(|| store.write(session::new_user("ben", moment(2))).unwrap());
        wait_until(|| disk.is_syncing());
        *lost.lock().unwrap() = Some(store.begin(session::new_user("cem", moment(3))).unwrap());
        drop(held);
    });
    let is_answered = || lost.lock().unwrap().as_ref().is_some_and(WriteHandle::is_ready);
    wait_until(is_answered);
    let answer = lost.lock().unwrap().take().unwrap().wait();
    assert!(matches!(answer, Err(Error::Unavailable(Unavailable::OutcomeUnknown))), "{answer:?}");
    assert_eq!(*was_answered.lock().unwrap(), [false]);
}

/// Notes at each opening whether a write that is watched has its answer already.
struct Watched {
    storage: Box<dyn Storage>,
    lost: Arc<Mutex<Option<WriteHandle<User>>>>,
    was_answered: Arc<Mutex<Vec<bool>>>,
}

impl Storage for Watched {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        if let Some(lost) = &*self.lost.lock().unwrap() {
            self.was_answered.lock().unwrap().push(lost.is_ready());
        }
        self.storage.open(builder)
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.storage.forget_cached()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.storage.free_bytes()
    }
}

fn new_user(second: u64) -> Step {
    Step::CreateUser { name: format!("user{second}"), at: moment(second) }
}

fn moment(second: u64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + second)
}

fn is_failure(answer: &Answer) -> bool {
    matches!(answer, Answer::Busy | Answer::Unknown)
}
