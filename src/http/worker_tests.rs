use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::http::parking;
use crate::http::server::{self, Settings};
use crate::http::serving::Service;
use crate::metrics::Metrics;

struct Nothing;

impl Service for Nothing {
    fn turn_away(&self, _: &RequestLine<'_>) -> Option<Reply> {
        None
    }

    fn answer(&self, _: &mut tiny_http::Request, _: &Peer) -> Reply {
        Reply::new(204)
    }

    fn refuse(&self, refusal: Refusal, _: &Peer) -> Reply {
        Reply::new(refusal.status())
    }
}

fn worker(temp_dir: PathBuf) -> Worker {
    let settings = Settings {
        threads: 1,
        max_connections: 1,
        max_connections_per_client: 1,
        max_body_bytes: 1000,
        max_head_bytes: 1000,
        idle_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(1),
        trusted_proxies: Vec::new(),
        temp_dir,
    };
    let shared = server::share(&settings, Arc::new(Nothing), Arc::new(Metrics::new())).unwrap();
    let mut airlocks = Airlock::open(&shared.temp_dir, shared.airlock_bytes(), 1).unwrap();
    Worker::new(Arc::new(shared), airlocks.remove(0))
}

/// A client that trickles steadily is hardly ever parked when the janitor looks.
#[test]
fn a_thread_keeps_the_deadline_too() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, address) = listener.accept().unwrap();
    let seat = parking::seat(&worker.desk.shared.parking, address.ip()).unwrap();
    let mut connection = Connection::new(socket, Peer { address }, seat, Duration::ZERO);
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(worker.drive(&mut connection), Fate::Close(CloseReason::Idle));
    connection.enter(Stage::Head(Scanner::default()), Duration::ZERO);
    assert_eq!(worker.drive(&mut connection), Fate::Park(Interest::Readable));
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn a_broken_airlock_is_replaced_and_the_request_still_passes() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    assert!(worker.airlock.as_mut().unwrap().pass(b"nonsense\r\n\r\n").is_err());
    worker.canonical = b"GET /a HTTP/1.1\r\n\r\n".to_vec();
    let request = worker.pass().unwrap();
    assert_eq!(request.url(), "/a");
    airlock::release(request);
    assert_eq!(worker.desk.shared.metrics.connections.airlocks_rebuilt.get(), 1);
}

#[test]
fn without_an_airlock_a_request_is_refused_and_the_next_one_tries_again() {
    let parent = tempfile::tempdir().unwrap();
    let mut worker = worker(parent.path().to_owned());
    worker.airlock = None;
    let path = parent.path().to_owned();
    drop(parent);
    worker.canonical = b"GET /a HTTP/1.1\r\n\r\n".to_vec();
    assert_eq!(worker.pass().err(), Some(Refusal::Airlock));
    std::fs::create_dir(&path).unwrap();
    airlock::release(worker.pass().unwrap());
    std::fs::remove_dir(&path).unwrap();
}
