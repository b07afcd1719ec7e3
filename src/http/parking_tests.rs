use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::http::connection::{After, Outgoing, Stage};
use crate::http::encoder::{Printer, ResponseFraming};
use crate::http::head_scanner::HeadScanner;
use crate::http::response::{Body, Response, Stream};
use crate::http::worker::tests::{connect, share};

fn parking() -> Arc<Parking> {
    let exempt = vec!["10.0.0.0/8".parse().unwrap()];
    Arc::new(Parking::new(3, 2, exempt, Arc::new(Metrics::new())).unwrap())
}

fn try_seat(parking: &Arc<Parking>, address: &str) -> Result<ConnectionPermit, Rejection> {
    seat(parking, address.parse().unwrap())
}

#[test]
fn seats_are_counted_for_the_whole_and_for_each_client() {
    let parking = parking();
    let first = try_seat(&parking, "192.0.2.1").unwrap();
    let _second = try_seat(&parking, "::ffff:192.0.2.1").unwrap();
    assert_eq!(try_seat(&parking, "192.0.2.1").err(), Some(Rejection::ClientFull));
    let _third = try_seat(&parking, "192.0.2.2").unwrap();
    assert_eq!(try_seat(&parking, "192.0.2.3").err(), Some(Rejection::Full));
    assert_eq!(parking.open(), 3);
    drop(first);
    assert!(try_seat(&parking, "192.0.2.1").is_ok());
    assert_eq!(parking.open(), 2);
}

#[test]
fn an_ipv6_client_is_its_network_and_a_proxy_is_nobody() {
    let parking = parking();
    let client = |address: &str| parking.client_of(address.parse().unwrap());
    assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
    assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
    assert_eq!(client("10.1.2.3"), None);
}

#[test]
fn a_place_is_of_another_generation_for_its_next_owner() {
    let parking = parking();
    let token = try_seat(&parking, "192.0.2.1").unwrap().token();
    assert_ne!(try_seat(&parking, "192.0.2.1").unwrap().token(), token);
}

fn weigh(connection: &mut Connection, bytes: usize) {
    connection.input = vec![b'x'; bytes];
}

/// Every slot is looked at only where there is something to find.
#[test]
fn with_nothing_heavy_parked_nobody_looks_for_it() {
    let shared = share(|settings| {
        settings.max_connections = 2;
        settings.max_connections_per_client = 2;
    });
    let parking = Arc::clone(&shared.parking);
    parking.kept_bytes.store(MAX_KEPT_BYTES, Ordering::Relaxed);
    let (_client, mut light) = connect(&shared, Duration::from_secs(1));
    weigh(&mut light, HEAVY_BYTES / 2);
    let (sender, receiver) = mpsc::channel();
    let other = lock(&parking.slots[1]);
    let parker = Arc::clone(&parking);
    thread::spawn(move || {
        parker.park(light, Interest::Writable);
        let _ = sender.send(());
    });
    assert!(receiver.recv_timeout(Duration::from_secs(20)).is_ok(), "it looks at other slots");
    drop(other);

    let (_client, mut heavy) = connect(&shared, Duration::from_secs(1));
    weigh(&mut heavy, HEAVY_BYTES);
    parking.park(heavy, Interest::Writable);
    assert_eq!(parking.open(), 1);
    assert_eq!(parking.heavy.load(Ordering::Relaxed), 0);
}

#[test]
fn a_stop_spares_a_request_that_came_whole_behind_another() {
    let shared = share(|_| {});
    let (_client, mut connection) = connect(&shared, Duration::from_secs(9));
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
    let shared = share(|_| {});
    let (_client, mut connection) = connect(&shared, Duration::from_secs(1));
    let response = Response { body: Body::Stream(Box::new(Laden)), ..Response::new(200) };
    let stream =
        Printer::new(Clock::system()).print(response, ResponseFraming::last(), &mut Vec::new());
    let outgoing = Outgoing { bytes: Vec::new(), sent: 0, stream, after: After::Keep };
    connection.enter(Stage::Answering(Box::new(outgoing)), Duration::from_secs(1));
    assert_eq!(connection.trim(), HEAVY_BYTES);
}
