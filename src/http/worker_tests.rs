use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::http::connection::{After, Outgoing};
use crate::http::parking;
use crate::http::server::{self, Settings};
use crate::http::serving::Service;
use crate::http::thread_pool::ThreadPool;
use crate::metrics::Metrics;

struct Nothing;

impl Service for Nothing {
    fn turn_away(&self, _: &Head) -> Option<Response> {
        None
    }

    fn answer(&self, _: &Head, _: &mut tiny_http::Request, _: &Peer) -> Answer {
        Answer::Now(Response::new(204))
    }

    fn refuse(&self, rejection: Rejection, _: Option<&Head>, _: &Peer) -> Response {
        Response::new(rejection.status())
    }
}

/// What threads share, for one connection unless `change` says otherwise.
pub fn share(change: impl FnOnce(&mut Settings)) -> Shared {
    let mut settings = Settings {
        threads: 1,
        max_connections: 1,
        max_connections_per_client: 1,
        max_body_bytes: 1000,
        max_head_bytes: 1000,
        idle_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(1),
        trusted_proxies: Vec::new(),
        temp_dir: PathBuf::new(),
    };
    change(&mut settings);
    server::share(&settings, Arc::new(Nothing), Arc::new(Metrics::new())).unwrap()
}

fn worker_of(shared: Shared) -> Worker {
    let mut airlocks = Airlock::open(&shared.temp_dir, shared.airlock_bytes(), 1).unwrap();
    Worker::new(Arc::new(shared), airlocks.remove(0))
}

fn worker(temp_dir: PathBuf) -> Worker {
    worker_of(share(|settings| settings.temp_dir = temp_dir))
}

fn take_request(worker: &mut Worker) {
    worker.head.begin("GET", "/a");
    worker.head.write_canonical(BodyLength::None, b"", &mut worker.canonical);
}

/// A client, and the other end of its connection.
pub fn connect(shared: &Shared, idle: Duration) -> (TcpStream, Box<Connection>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, address) = listener.accept().unwrap();
    let seat = parking::seat(&shared.parking, address.ip()).unwrap();
    (client, Connection::new(socket, Peer { address }, seat, idle))
}

/// A client that trickles steadily is hardly ever parked when the janitor looks.
#[test]
fn a_thread_keeps_the_deadline_too() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    let (mut client, mut connection) = connect(&worker.responder.shared, Duration::ZERO);
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(worker.drive(&mut connection), NextStep::Close(CloseReason::Idle));
    connection.enter(Stage::Head(HeadScanner::default()), Duration::ZERO);
    assert_eq!(worker.drive(&mut connection), NextStep::Park(Interest::Readable));
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn a_broken_airlock_is_replaced_and_the_request_still_passes() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    assert!(worker.airlock.as_mut().unwrap().pass(b"nonsense\r\n\r\n").is_err());
    take_request(&mut worker);
    let request = worker.pass().unwrap();
    assert_eq!(request.url(), "/a");
    airlock::release(request);
    assert_eq!(worker.responder.shared.metrics.connections.airlocks_rebuilt.get(), 1);
}

#[test]
fn without_an_airlock_a_request_is_refused_and_the_next_one_tries_again() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    worker.airlock = None;
    let path = parent.path().to_owned();
    drop(parent);
    take_request(&mut worker);
    assert_eq!(worker.pass().err(), Some(Rejection::Airlock));
    std::fs::create_dir(&path).unwrap();
    airlock::release(worker.pass().unwrap());
    std::fs::remove_dir(&path).unwrap();
}

#[test]
fn a_thread_that_leaves_is_not_counted_on() {
    let parent = tempfile::tempdir().unwrap();
    let mut shared = share(|settings| settings.temp_dir = parent.path().to_owned());
    shared.thread_pool = ThreadPool::new(2, 1);
    let worker = worker_of(shared);
    let shared = Arc::clone(&worker.responder.shared);
    shared.parking.close();
    // With one of the two inside, this one does not rest.
    let inside = shared.thread_pool.enter();
    worker.run();
    drop(inside);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        shared.thread_pool.rest();
        let _ = sender.send(());
    });
    let rested = receiver.recv_timeout(Duration::from_secs(20));
    assert!(rested.is_ok(), "the only thread left has gone to rest");
}

#[test]
fn who_takes_answer_after_answer_just_in_time_gives_way_in_the_end() {
    const LONG: Duration = Duration::from_secs(600);
    let shared = share(|_| {});
    let (_client, mut connection) = connect(&shared, LONG);
    let answer = || {
        let (bytes, stream) = (vec![b'x'], None);
        Stage::Answering(Box::new(Outgoing { bytes, sent: 0, stream, after: After::Keep }))
    };
    connection.enter(answer(), LONG);
    assert_eq!(connection.rank(Instant::now()), None);
    connection.input = b"GET".to_vec();
    connection.finish(After::Keep, &shared.timeouts);
    connection.enter(answer(), LONG);
    let first = connection.rank(Instant::now() + LONG);
    assert!(first.is_some());
    connection.enter(answer(), LONG * 2);
    assert_eq!(connection.rank(Instant::now() + LONG), first);

    connection.input.clear();
    connection.finish(After::Keep, &shared.timeouts);
    assert_eq!(connection.receive(&mut Vec::new()), Received::Nothing);
    connection.enter(answer(), LONG * 2);
    assert_eq!(connection.rank(Instant::now() + LONG), None);
}
