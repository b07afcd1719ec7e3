use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::http::connection::Stage;
use crate::http::outgoing::{After, Outgoing};
use crate::http::protocol::encoder::{Encoder, ResponseFraming};
use crate::http::protocol::head_scanner::HeadScanner;
use crate::http::response::{Body, Response, Stream};
use crate::http::worker::tests::{connect, transport};

fn weigh(connection: &mut Connection, bytes: usize) {
    connection.input = vec![b'x'; bytes];
}

/// Every slot is looked at only where there is something to find.
#[test]
fn with_nothing_heavy_parked_nobody_looks_for_it() {
    let transport = Arc::new(transport(|settings| {
        settings.max_connections = 2;
        settings.max_connections_per_client = 2;
    }));
    let parking = &transport.parking;
    parking.kept_bytes.store(MAX_KEPT_BYTES, Ordering::Relaxed);
    let (_client, mut light) = connect(&transport, Duration::from_secs(1));
    weigh(&mut light, HEAVY_BYTES / 2);
    let (sender, receiver) = mpsc::channel();
    let other = parking.slots[1].lock();
    let parker = Arc::clone(&transport);
    thread::spawn(move || {
        parker.parking.park(light, Interest::Writable);
        let _ = sender.send(());
    });
    assert!(receiver.recv_timeout(Duration::from_secs(20)).is_ok(), "it looks at other slots");
    drop(other);

    let (_client, mut heavy) = connect(&transport, Duration::from_secs(1));
    weigh(&mut heavy, HEAVY_BYTES);
    parking.park(heavy, Interest::Writable);
    assert_eq!(transport.limits.open(), 1);
    assert_eq!(parking.heavy.load(Ordering::Relaxed), 0);
}

#[test]
fn a_stop_spares_a_request_that_came_whole_behind_another() {
    let transport = transport(|_| {});
    let (_client, mut connection) = connect(&transport, Duration::from_secs(9));
    connection.enter(Stage::Head(HeadScanner::default()), Duration::from_secs(9));
    connection.input = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    assert!(connection.is_unfinished());
    connection.input.extend_from_slice(b"\r\n");
    assert!(!connection.is_unfinished());
}

struct Laden;

impl Stream for Laden {
    fn next(&mut self, _: &mut Vec<u8>) -> io::Result<bool> {
        Ok(true)
    }

    fn kept_bytes(&self) -> usize {
        HEAVY_BYTES
    }
}

#[test]
fn what_a_stream_keeps_is_weighed_with_its_connection() {
    let transport = transport(|_| {});
    let (_client, mut connection) = connect(&transport, Duration::from_secs(1));
    let response = Response { body: Body::Stream(Box::new(Laden)), ..Response::new(200) };
    let stream = Encoder::new(Clock::system(), Duration::ZERO).encode(
        response,
        ResponseFraming::last(),
        &mut Vec::new(),
    );
    let outgoing = Outgoing::new(Vec::new(), 0, stream, After::Keep);
    connection.enter(Stage::Responding(Box::new(outgoing)), Duration::from_secs(1));
    assert_eq!(connection.trim(), HEAVY_BYTES);
}

/// Another thread may have its event before the one that parks it is done with it. With so many
/// rounds that happens.
#[test]
fn a_connection_that_is_ready_when_it_is_parked_is_never_lost() {
    const ROUNDS: usize = 2000;
    let transport = transport(|_| {});
    let (mut client, connection) = connect(&transport, Duration::from_secs(9));
    client.write_all(b"x").unwrap();
    let (sender, receiver) = mpsc::channel();
    let parking = &transport.parking;
    thread::scope(|scope| {
        for _ in 0..4 {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Ok(Some(taken)) = parking.next() {
                    let _ = sender.send(taken);
                }
            });
        }
        let mut taken = Some(connection);
        for _ in 0..ROUNDS {
            let Some(connection) = taken else { break };
            parking.park(connection, Interest::Readable);
            taken = receiver.recv_timeout(Duration::from_secs(20)).ok();
        }
        parking.close();
        assert!(taken.is_some(), "nobody was told that it is ready");
    });
}
