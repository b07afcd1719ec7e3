//! A disk that hangs: writes beyond the bound are refused, and nothing is lost.

use std::collections::HashSet;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use orderd::clock::{Clock, Timestamp};
use orderd::error::{Error, Unavailable};
use orderd::metrics::Metrics;
use orderd::store::{Store, Trial, WriteHandle};
use orderd::sys::poll::{Waker, Woken};
use serde_json::json;

use support::app::{PASSWORD, TestApp};
use support::client::{Client, TIMEOUT};

use crate::hanging_disk::{Disk, Hanging};

#[track_caller]
fn until(reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < TIMEOUT, "it never comes to that");
        thread::yield_now();
    }
}

const TRIAL: Trial = Trial { at: Timestamp::EPOCH };

fn open(disk: &Disk) -> Store {
    open_with(disk, Waker::new().unwrap(), &Metrics::new())
}

fn open_with(disk: &Disk, waker: Waker, metrics: &Metrics) -> Store {
    Store::open_on(Box::new(disk.clone()), Clock::system(), waker, metrics).unwrap()
}

#[test]
fn while_the_disk_hangs_one_thread_too_many_is_turned_away_and_the_others_writes_are_kept() {
    let disk = Disk::default();
    let store = open(&disk);
    store.limit_waiters(2);
    thread::scope(|scope| {
        let hanging = disk.hang();
        let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| store.write(TRIAL))).collect();
        disk.await_a_hanging_sync();
        until(|| store.is_queue_full());
        let refused = store.write(TRIAL);
        assert!(matches!(refused, Err(Error::Unavailable(Unavailable::Busy { .. }))));
        drop(hanging);
        for thread in waiting {
            thread.join().unwrap().unwrap();
        }
    });
    store.write(TRIAL).unwrap();
    store.close();
}

#[test]
fn writes_that_nobody_waits_for_are_bounded_too_and_each_has_its_answer() {
    let disk = Disk::default();
    let waker = Waker::new().unwrap();
    let store = open_with(&disk, waker.clone(), &Metrics::new());
    let poll = waker.new_poll().unwrap();
    let (woken, calls) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            while poll.wait().unwrap() == Woken::ByWaker {
                let _ = woken.send(());
            }
        });
        let hanging = disk.hang();
        let first = scope.spawn(|| store.begin(TRIAL).unwrap());
        disk.await_a_hanging_sync();
        let mut writes = Vec::new();
        let refused = loop {
            match store.begin(TRIAL) {
                Ok(write) => writes.push(write),
                Err(why) => break why,
            }
        };
        assert!(matches!(refused, Error::Unavailable(Unavailable::Busy { .. })));
        assert_eq!(writes.len(), 4095);
        assert!(!writes.iter().any(WriteHandle::is_ready));
        drop(hanging);
        writes.push(first.join().unwrap());
        loop {
            waker.arm();
            if writes.iter().all(WriteHandle::is_ready) {
                break;
            }
            calls.recv_timeout(TIMEOUT).expect("a call for those that are not ready yet");
        }
        writes.into_iter().for_each(|write| write.wait().unwrap());
        poll.close();
    });
    store.close();
}

#[test]
fn a_disk_that_hangs_while_the_store_is_idle_bounds_what_is_begun_too() {
    let disk = Disk::default();
    let store = open(&disk);
    store.limit_waiters(8);
    store.write(TRIAL).unwrap();
    let hanging = disk.hang();
    // Nobody writes: it is the store's own look at the disk.
    disk.await_a_hanging_sync();
    let writes: Vec<_> = (0..8).map(|_| store.begin(TRIAL).unwrap()).collect();
    until(|| store.is_queue_full());
    assert!(matches!(store.begin(TRIAL), Err(Error::Unavailable(Unavailable::Busy { .. }))));
    drop(hanging);
    writes.into_iter().for_each(|write| write.wait().unwrap());
    store.close();
}

#[test]
fn a_write_that_a_thread_waits_for_is_not_refused_for_those_that_none_waits_for() {
    let (disk, metrics) = (Disk::default(), Metrics::new());
    let store = open_with(&disk, Waker::new().unwrap(), &metrics);
    let depth = || value(&metrics.render().text, "orderd_store_queue_depth");
    store.limit_waiters(2);
    thread::scope(|scope| {
        let hanging = disk.hang();
        let first = scope.spawn(|| store.begin(TRIAL).unwrap());
        disk.await_a_hanging_sync();
        let second = store.begin(TRIAL).unwrap();
        until(|| store.is_queue_full());
        let waiting = scope.spawn(|| store.write(TRIAL));
        until(|| depth() == 2 || waiting.is_finished());
        drop(hanging);
        waiting.join().unwrap().unwrap();
        first.join().unwrap().wait().unwrap();
        second.wait().unwrap();
    });
    store.close();
}

const ORDER: &str = r#"{"success":true}"#;

fn order(token: &str) -> String {
    let length = ORDER.len();
    format!(
        "POST /orders/create HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n{ORDER}"
    )
}

/// Opens `count` connections and sends an order on each; gives them once all orders are queued.
fn begin_orders(app: &TestApp, token: &str, count: usize) -> Vec<Client> {
    let before = metric(app, "orderd_store_queue_depth");
    let begin = |_| {
        let mut client = app.connect();
        client.send(order(token));
        client
    };
    let clients = (0..count).map(begin).collect();
    // The upkeep may have a write there too.
    until(|| metric(app, "orderd_store_queue_depth") >= before + count as u64);
    clients
}

/// Runs `act` while the disk hangs in a commit that this test's own thread has begun, so that
/// no serving thread is the committer.
fn while_hanging<T>(disk: &Disk, store: &Store, act: impl FnOnce(Hanging<'_>) -> T) -> T {
    thread::scope(|scope| {
        let hanging = disk.hang();
        scope.spawn(|| store.write(TRIAL).unwrap());
        disk.await_a_hanging_sync();
        act(hanging)
    })
}

fn metric(app: &TestApp, name: &str) -> u64 {
    value(&app.get("/metrics").send().text(), name)
}

fn value(metrics: &str, name: &str) -> u64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

#[test]
fn while_the_disk_hangs_orders_wait_without_a_thread_and_reads_are_answered() {
    let disk = Disk::default();
    let app = TestApp::start_on(&disk, &["--http-threads=64"]);
    let token = app.admin();
    let mut clients = while_hanging(&disk, app.app().store(), |_hanging| {
        let clients = begin_orders(&app, &token, 60);
        // The one that asks. A thread is counted until it has parked what it served.
        until(|| metric(&app, "http_threads_busy") == 1);
        app.get("/health").send().good();
        app.me(&token).good();
        assert_eq!(app.orders(&token).good()["orders"], json!([]));
        clients
    });
    let mut ids = HashSet::new();
    for client in &mut clients {
        let placed = client.read().good();
        ids.insert(placed["id"].as_u64().unwrap());
    }
    assert_eq!(ids.len(), clients.len());
    // They are as good as new.
    for client in &mut clients {
        client.send(order(&token));
        client.read().good();
    }
}

#[test]
fn while_the_disk_hangs_no_more_orders_wait_than_there_are_threads() {
    let disk = Disk::default();
    let app = TestApp::start_on(&disk, &["--http-threads=8"]);
    let token = app.admin();
    let mut clients = while_hanging(&disk, app.app().store(), |_hanging| {
        let clients = begin_orders(&app, &token, 7);
        until(|| app.get("/readyz").send().status == 503);
        let refused = app.create_order(&token, &json!({"success": true}));
        assert_eq!(refused.status, 503);
        assert!(refused.header("Retry-After").is_some());
        clients
    });
    for client in &mut clients {
        client.read().good();
    }
    assert_eq!(app.orders(&app.admin()).good()["orders"].as_array().unwrap().len(), 7);
}

/// A thread that waited for its turn to write would be missing where probes are answered.
#[test]
fn while_the_disk_hangs_writes_beyond_the_bound_keep_no_probe_waiting() {
    let disk = Disk::default();
    let app = TestApp::start_on(&disk, &["--http-threads=8"]);
    let token = app.admin();
    let retry = format!(
        "POST /emails/1/retry HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let ask = |count: usize| {
        let mut client = app.connect();
        client.send(retry.repeat(count));
        client
    };
    let mut waiting = while_hanging(&disk, app.app().store(), |_hanging| {
        let waiting: Vec<Client> = (0..7).map(|_| ask(1)).collect();
        until(|| app.get("/readyz").send().status == 503);
        let mut rejected: Vec<Client> = (0..16).map(|_| ask(128)).collect();
        app.get("/health").send().good();
        for client in &mut rejected {
            (0..128).for_each(|_| assert_eq!(client.read().status, 503));
        }
        waiting
    });
    for client in &mut waiting {
        assert_eq!(client.read().status, 404);
    }
}

#[test]
fn an_answer_that_can_be_made_does_not_wait_for_another_clients_next_request() {
    let disk = Disk::default();
    let app = TestApp::start_on(&disk, &[]);
    let token = app.admin();
    let (mut first, mut others) = (app.connect(), Vec::new());
    while_hanging(&disk, app.app().store(), |hanging| {
        first.send(order(&token) + &registration(&token, "pipelined"));
        until(|| metric(&app, "orderd_store_queue_depth") >= 1);
        others = begin_orders(&app, &token, 4);
        let _hanging = disk.hang_after("pipelined");
        drop(hanging);
        // All five share a commit.
        first.read().good();
        disk.await_a_hanging_sync();
        for client in &mut others {
            client.read().good();
        }
    });
    first.read().good();
}

fn registration(token: &str, name: &str) -> String {
    let body = json!({"username": name, "email": "p@example.com", "password": PASSWORD});
    let body = body.to_string();
    format!(
        "POST /auth/register HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_stop_lets_orders_that_wait_for_the_disk_be_answered() {
    let disk = Disk::default();
    let mut app = TestApp::start_on(&disk, &[]);
    let token = app.admin();
    let address = app.address();
    let store = app.app().store().clone();
    let mut clients = while_hanging(&disk, &store, |hanging| {
        let clients = begin_orders(&app, &token, 3);
        thread::scope(|scope| {
            scope.spawn(|| {
                until(|| TcpStream::connect(address).is_err());
                drop(hanging);
            });
            app.stop();
        });
        clients
    });
    for client in &mut clients {
        let placed = client.read();
        assert_eq!((placed.status, placed.header("Connection")), (200, Some("close")));
        client.assert_closed();
    }
}
