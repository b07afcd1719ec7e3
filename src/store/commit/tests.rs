//! Writes that panic, and the others in their batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Pending;
use crate::clock::{Clock, Timestamp};
use crate::domain::User;
use crate::error::{Error, Result, Unavailable};
use crate::metrics::Metrics;
use crate::store::engine::Store;
use crate::store::storage::FileStorage;
use crate::store::write_txn::{Applied, Write, WriteTxn};
use crate::store::writes::CreateUser;
use crate::sys::poll::Waker;

/// Only so that a hang fails the test.
const HANG_LIMIT: Duration = Duration::from_secs(30);

/// Makes a user, and counts how often it was applied.
struct Make {
    user: CreateUser,
    applied: Arc<AtomicUsize>,
    panics: bool,
}

impl Make {
    fn named(name: &str) -> Make {
        let user = CreateUser::for_test(name, Timestamp::EPOCH);
        Make { user, applied: Arc::default(), panics: false }
    }

    /// Once it has written.
    fn panicking(self) -> Make {
        Make { panics: true, ..self }
    }
}

impl Write for Make {
    type Output = User;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<User> {
        self.applied.fetch_add(1, Ordering::SeqCst);
        let made = self.user.apply(txn);
        assert!(!self.panics, "a write that panics");
        made
    }
}

/// Holds the committer until it is let go, so that writes gather behind it into one batch.
struct Hold {
    arrived: Sender<()>,
    let_go: Mutex<Receiver<()>>,
}

impl Write for Hold {
    type Output = ();

    fn apply(&self, _: &mut WriteTxn<'_>) -> Applied<()> {
        self.arrived.send(()).unwrap();
        // Ends also where the test has failed and dropped its end.
        let _ = self.let_go.lock().recv();
        Ok(())
    }
}

/// The results of writes that share a batch, in their order.
fn write_together(store: &Store, metrics: &Metrics, writes: Vec<Make>) -> Vec<Result<User>> {
    let ((arrived, arrives), (let_go, lets_go)) = (mpsc::channel(), mpsc::channel());
    thread::scope(|scope| {
        scope.spawn(|| store.write(Hold { arrived, let_go: Mutex::new(lets_go) }));
        arrives.recv_timeout(HANG_LIMIT).unwrap();
        let mut threads = Vec::new();
        for write in writes {
            threads.push(scope.spawn(move || store.write(write)));
            let (started, queued) = (Instant::now(), threads.len() as i64);
            while metrics.store.queue_depth.get() < queued {
                assert!(started.elapsed() < HANG_LIMIT, "{queued} never came into the queue");
                thread::yield_now();
            }
        }
        drop(let_go);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_write_that_panics_is_refused_alone_and_the_others_of_its_batch_are_committed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, metrics) = (folder.path().join("orders.redb"), Metrics::new());
    let open = || Store::open(&path, Clock::system(), &metrics).unwrap();
    let store = open();
    let writes = vec![Make::named("ann"), Make::named("bob").panicking(), Make::named("cem")];
    let applied: Vec<_> = writes.iter().map(|write| write.applied.clone()).collect();
    let results = write_together(&store, &metrics, writes);
    assert!(matches!(results[..], [Ok(_), Err(Error::Internal(_)), Ok(_)]), "{results:?}");
    let applied: Vec<_> = applied.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    assert_eq!(applied, [2, 1, 1], "they did not share a batch that was redone");
    assert_eq!(store.trouble(), None);
    let dee = store.write(Make::named("dee")).unwrap();
    store.close();

    let store = open();
    let read = store.read().unwrap();
    let id_of = |name: &str| read.user_by_name(name).unwrap().map(|user| user.id);
    let kept = [&results[0], &results[2]].map(|user| user.as_ref().unwrap().id);
    assert_eq!(["ann", "cem"].map(id_of), kept.map(Some));
    assert_eq!((id_of("bob"), id_of("dee")), (None, Some(dee.id)));
    let check = store.check().unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

#[test]
fn a_batch_of_writes_that_all_panic_does_not_stop_later_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, metrics) = (folder.path().join("orders.redb"), Metrics::new());
    let store = Store::open(&path, Clock::system(), &metrics).unwrap();
    let writes = ["ann", "bob", "cem"].map(|name| Make::named(name).panicking()).into();
    for result in write_together(&store, &metrics, writes) {
        assert!(matches!(result, Err(Error::Internal(_))), "{result:?}");
    }
    assert_eq!(store.write(Make::named("ann")).unwrap().id.0, 1);
}

/// Tells whether the waker was armed while it was applied.
struct Watch(Waker);

impl Write for Watch {
    type Output = bool;

    fn apply(&self, _: &mut WriteTxn<'_>) -> Applied<bool> {
        Ok(self.0.is_armed())
    }
}

/// Called before, it would wake a thread that finds nothing and arms it for no later call.
#[test]
fn the_waker_is_called_after_a_commit_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Box::new(FileStorage::new(&folder.path().join("orders.redb")));
    let waker = Waker::new().unwrap();
    let store = Store::open_on(storage, Clock::system(), waker.clone(), &Metrics::new()).unwrap();
    waker.arm();
    assert!(store.write(Watch(waker.clone())).unwrap(), "it was called before");
    let started = Instant::now();
    while waker.is_armed() {
        assert!(started.elapsed() < HANG_LIMIT, "it is never called");
        thread::yield_now();
    }
}

#[test]
fn a_write_that_is_dropped_without_a_result_has_an_unknown_outcome() {
    let (pending, handle) = Pending::new(Make::named("ann"));
    assert!(!handle.is_ready());
    drop(pending);
    assert!(handle.is_ready());
    let result = handle.wait();
    assert!(matches!(result, Err(Error::Unavailable(Unavailable::OutcomeUnknown))), "{result:?}");
}
