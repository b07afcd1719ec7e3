use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use super::*;
use crate::http::connection::Stage;
use crate::http::outgoing::{After, Outgoing};
use crate::http::protocol::head_scanner::HeadScanner;
use crate::http::worker::tests::{connect_as, transport};
use crate::sys::poll::Interest;

const LONG: Duration = Duration::from_secs(600);

fn crowded(max: usize) -> Transport {
    transport(|settings| {
        settings.max_connections = max;
        settings.max_connections_per_client = max;
    })
}

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

/// Parks an idle connection; gives the client's end.
fn idle(transport: &Transport, of: u8) -> TcpStream {
    let (client, mut connection) = connect_as(transport, address(of), LONG);
    connection.enter(Stage::Idle, LONG);
    transport.parking.park(connection, Interest::Readable);
    client
}

/// Parks a connection with a response that has moved just now.
fn unread(transport: &Transport, of: u8) -> TcpStream {
    let (client, mut connection) = connect_as(transport, address(of), LONG);
    let outgoing = Outgoing::new(vec![b'x'], 0, None, After::Keep);
    connection.enter(Stage::Responding(Box::new(outgoing)), LONG);
    // It is never writable as far as the poll set knows, so nothing has happened to it.
    transport.parking.park(connection, Interest::Readable);
    client
}

fn held(transport: &Transport, of: u8) -> usize {
    transport.limits.holder(address(of)).map_or(0, |holders| holders.count())
}

#[test]
fn the_client_with_the_most_connections_pays_whatever_they_do() {
    let transport = crowded(5);
    let _single = idle(&transport, 1);
    let _many = [(); 4].map(|()| unread(&transport, 2));
    for left in [3, 2, 1] {
        assert!(evict_of_the_largest(0, &transport));
        assert_eq!((held(&transport, 1), held(&transport, 2)), (1, left));
    }
    // Both have one: now what is idle loses less.
    assert!(evict_of_the_largest(0, &transport));
    assert_eq!((held(&transport, 1), held(&transport, 2)), (0, 1));
}

#[test]
fn a_client_loses_nothing_to_one_that_would_then_hold_more() {
    let transport = crowded(4);
    let _single = idle(&transport, 1);
    let _pair = [(); 2].map(|()| idle(&transport, 2));
    assert!(!evict_of_the_largest(2, &transport));
    assert!(evict_of_the_largest(1, &transport));
    assert!(!evict_of_the_largest(1, &transport));
    assert_eq!((held(&transport, 1), held(&transport, 2)), (1, 1));
}

#[test]
fn where_the_largest_is_busy_the_next_largest_pays() {
    let transport = crowded(6);
    let _busy = [(); 3].map(|()| connect_as(&transport, address(1), LONG));
    let _pair = [(); 2].map(|()| idle(&transport, 2));
    let _single = idle(&transport, 3);
    assert!(evict_of_the_largest(0, &transport));
    let all = [1, 2, 3].map(|client| held(&transport, client));
    assert_eq!(all, [3, 1, 1]);
}

#[test]
fn clients_that_hold_equally_many_share_the_loss() {
    const CLIENTS: u8 = 128;
    let transport = crowded(usize::from(CLIENTS) * 2);
    let _clients: Vec<_> =
        (0..CLIENTS).flat_map(|of| [idle(&transport, of), idle(&transport, of)]).collect();
    assert!(evict_of_the_largest(0, &transport));
    let lost = (0..CLIENTS).map(|client| 2 - held(&transport, client));
    // Two of 256; the two oldest belong to one client, which loses only one of them.
    assert_eq!(lost.clone().sum::<usize>(), 2);
    assert_eq!(lost.max(), Some(1));
}

#[test]
fn a_connection_whose_request_has_come_is_spared_while_another_can_be_found() {
    use std::io::Write;
    let transport = crowded(2);
    let mut asked = idle(&transport, 1);
    let _quiet = idle(&transport, 2);
    asked.write_all(b"G").unwrap();
    while !transport.parking.look(0, Connection::has_news).unwrap() {}
    assert!(evict_of_the_largest(0, &transport));
    assert_eq!((held(&transport, 1), held(&transport, 2)), (1, 0));
    assert!(evict_of_the_largest(0, &transport));
    assert_eq!(held(&transport, 1), 0);
}

#[test]
fn who_reads_a_response_is_spared_while_few_do() {
    let transport = crowded(SPARED_SHARE);
    let _reader = unread(&transport, 1);
    assert!(!evict_of_the_largest(0, &transport));
    let _another = unread(&transport, 2);
    assert!(evict_of_the_largest(0, &transport));
}

#[test]
fn connections_go_in_the_order_of_what_their_clients_lose() {
    let transport = crowded(8);
    let (_client, mut connection) = connect_as(&transport, address(1), LONG);
    let (now, later) = (Instant::now(), Instant::now() + LONG);
    let at = |connection: &Connection, now| connection.eviction_order(now, true);
    let new = at(&connection, now);
    let never_asked = at(&connection, later);
    connection.enter(Stage::Lingering(1), LONG);
    let answered = at(&connection, now);
    connection.enter(Stage::Idle, LONG);
    let idle = at(&connection, now);
    connection.enter(Stage::Head(HeadScanner::default()), LONG);
    let partial = at(&connection, now);
    let outgoing = Outgoing::new(vec![b'x'], 0, None, After::Keep);
    connection.enter(Stage::Responding(Box::new(outgoing)), LONG);
    assert_eq!(at(&connection, now), None);
    let stalled = at(&connection, later);
    assert!(never_asked < idle);
    assert!([answered, idle, partial, stalled, new].is_sorted());
    assert!(answered.is_some());
}
