use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::http::handler::{Deferred, Handler};
use crate::http::settings::{Settings, test_settings};
use crate::http::thread_pool::ThreadPool;
use crate::metrics::Metrics;
use crate::sys::poll::Waker;

struct Nothing;

impl Handler for Nothing {
    fn respond_unrouted(&self, _: &Head) -> Option<Response> {
        None
    }

    fn respond(&self, _: &Head, _: &[u8], _: &Peer) -> Outcome {
        Outcome::Response(Response::new(204))
    }

    fn reject(&self, rejection: Rejection, _: Option<&Head>, _: &Peer) -> Response {
        Response::new(rejection.status())
    }
}

/// What threads share, for one connection unless `change` says otherwise.
pub fn transport(change: impl FnOnce(&mut Settings)) -> Transport {
    let mut settings = test_settings();
    change(&mut settings);
    let (waker, metrics) = (Waker::new().unwrap(), Arc::new(Metrics::new()));
    Transport::new(settings, Arc::new(Nothing), &waker, metrics).unwrap()
}

fn worker_of(transport: Transport) -> Worker {
    let settings = &transport.settings;
    let mut airlocks = Airlock::open(&settings.temp_dir, settings.airlock_bytes(), 1).unwrap();
    Worker::new(Arc::new(transport), airlocks.remove(0))
}

fn worker(temp_dir: PathBuf) -> Worker {
    worker_of(transport(|settings| settings.temp_dir = temp_dir))
}

/// A client, and the other end of its connection.
pub fn connect(transport: &Transport, idle: Duration) -> (TcpStream, Box<Connection>) {
    connect_as(transport, Ipv4Addr::LOCALHOST.into(), idle)
}

/// The same, where the connection counts for the client with this address.
pub fn connect_as(
    transport: &Transport,
    client: IpAddr,
    idle: Duration,
) -> (TcpStream, Box<Connection>) {
    let permit = transport.limits.acquire(client).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client_end = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, address) = listener.accept().unwrap();
    (client_end, Connection::new(socket, Peer::Client(address), permit, idle))
}

/// A client that trickles steadily is hardly ever parked when the janitor looks.
#[test]
fn a_thread_keeps_the_deadline_too() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    let (mut client, mut connection) = connect(worker.transport(), Duration::ZERO);
    assert_eq!(worker.drive(&mut connection), NextStep::Close(CloseReason::Idle));
    connection.enter(Stage::Head(HeadScanner::default()), Duration::ZERO);
    client.write_all(b"GET /a HTTP/1.1\r\n").unwrap();
    assert_eq!(worker.drive(&mut connection), NextStep::Park(Interest::Readable));
    let mut response = [0; 12];
    client.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 408");
}

/// As after a suspension: the deadline has passed, and the request came long before.
#[test]
fn a_request_that_has_come_is_served_however_late_a_thread_sees_it() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    let (mut client, mut connection) = connect(worker.transport(), Duration::ZERO);
    let mut serve_rest_of = |connection: &mut Connection, rest: &[u8]| {
        client.write_all(rest).unwrap();
        while !connection.has_news() {}
        assert_eq!(worker.drive(connection), NextStep::Park(Interest::Readable));
        let mut response = [0; 12];
        client.read_exact(&mut response).unwrap();
        assert_eq!(&response, b"HTTP/1.1 204");
        while matches!(socket::receive(&client, &mut Vec::new(), 1024), Received::Bytes(_)) {}
    };
    serve_rest_of(&mut connection, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    connection.input = b"GET /a HTTP/1.1\r\n".to_vec();
    connection.enter(Stage::Head(HeadScanner::default()), Duration::ZERO);
    serve_rest_of(&mut connection, b"Host: a\r\n\r\n");
}

#[test]
fn a_broken_airlock_is_replaced_and_the_request_still_passes() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    let mut nonsense = Head::default();
    nonsense.begin("GET", "/a b");
    let broken = worker.airlock.as_mut().unwrap().pass(&nonsense, BodyLength::None, b"");
    assert!(broken.is_err());
    worker.head.begin("POST", "/a");
    assert_eq!(worker.pass(BodyLength::Exactly(2), b"hi"), Ok(b"hi".to_vec()));
    assert_eq!(worker.transport().metrics.connections.airlocks_rebuilt.get(), 1);
}

#[test]
fn without_an_airlock_a_request_is_rejected_and_the_next_one_tries_again() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    worker.airlock = None;
    let path = parent.path().to_owned();
    drop(parent);
    worker.head.begin("GET", "/a");
    assert_eq!(worker.pass(BodyLength::None, b""), Err(Rejection::Airlock));
    std::fs::create_dir(&path).unwrap();
    assert_eq!(worker.pass(BodyLength::None, b""), Ok(Vec::new()));
    std::fs::remove_dir(&path).unwrap();
}

#[test]
fn a_thread_that_leaves_is_not_counted_on() {
    let parent = tempfile::tempdir().unwrap();
    let mut transport = transport(|settings| settings.temp_dir = parent.path().to_owned());
    transport.pool = ThreadPool::new(2, 1);
    let worker = worker_of(transport);
    let transport = Arc::clone(worker.transport());
    transport.parking.close();
    // With one of the two blocked, this one does not park.
    let blocking = transport.pool.block_in_place();
    worker.run();
    drop(blocking);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        transport.pool.park_if_enough();
        let _ = sender.send(());
    });
    let passed = receiver.recv_timeout(Duration::from_secs(20));
    assert!(passed.is_ok(), "the only thread left has parked");
}

/// Panics when it is looked at, or only when it is made.
struct Panicking {
    is_ready: bool,
}

impl Deferred for Panicking {
    fn is_ready(&self) -> bool {
        assert!(self.is_ready, "asked to");
        true
    }

    fn finish(self: Box<Self>) -> Response {
        panic!("asked to")
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// What a client gets whose response panics, from a thread that lives on.
fn serve_panicking(is_ready: bool) -> (Worker, Vec<u8>) {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    let (mut client, mut connection) = connect(worker.transport(), Duration::from_secs(9));
    let deferred = Box::new(Panicking { is_ready });
    let response = DeferredResponse { deferred, framing: ResponseFraming::last() };
    connection.enter(Stage::Deferred(response), Duration::ZERO);
    worker.serve(connection);
    assert_eq!(worker.transport().metrics.connections.panics.get(), 1);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    (worker, answer)
}

#[test]
fn a_deferred_response_that_panics_is_a_500_and_costs_no_thread() {
    let (_worker, answer) = serve_panicking(true);
    assert!(answer.starts_with(b"HTTP/1.1 500 "), "{}", answer.escape_ascii());
}

#[test]
fn a_panic_where_none_is_looked_for_costs_its_connection_and_no_thread() {
    let (worker, answer) = serve_panicking(false);
    assert_eq!(answer, b"");
    assert_eq!(worker.transport().limits.open(), 0);
}

/// It can't even reject.
struct Helpless;

impl Handler for Helpless {
    fn respond_unrouted(&self, _: &Head) -> Option<Response> {
        None
    }

    fn respond(&self, _: &Head, _: &[u8], _: &Peer) -> Outcome {
        Outcome::Response(Response::new(204))
    }

    fn reject(&self, _: Rejection, _: Option<&Head>, _: &Peer) -> Response {
        panic!("asked to")
    }
}

#[test]
fn a_rejection_has_its_status_though_the_handler_panics() {
    let (waker, metrics) = (Waker::new().unwrap(), Arc::new(Metrics::new()));
    let transport = Transport::new(test_settings(), Arc::new(Helpless), &waker, metrics).unwrap();
    let peer = Peer::Client("192.0.2.1:80".parse().unwrap());
    assert_eq!(transport.reject(Rejection::Timeout, None, &peer).status, 408);
    assert_eq!(transport.metrics.connections.panics.get(), 1);
}
