use std::net::IpAddr;

use super::*;
use crate::http::worker::tests::share;

fn address(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse::<IpAddr>().unwrap(), 1)
}

/// What a newcomer gets while the seats of two clients are in use by threads, and how often
/// the door waited for it.
#[track_caller]
fn knock(newcomer: &str, seats: usize, seats_per_client: usize) -> (Option<Rejection>, usize) {
    let shared = share(|settings| {
        settings.max_connections = seats;
        settings.max_connections_per_client = seats_per_client;
    });
    let seat = |text| parking::seat(&shared.parking, address(text).ip()).unwrap();
    let _busy = [seat("192.0.2.1"), seat("192.0.2.2")];
    let mut pauses = 0;
    let found = find_seat(address(newcomer), &shared, || pauses += 1);
    (found.err(), pauses)
}

#[test]
fn a_client_at_its_cap_is_refused_without_a_pause() {
    assert_eq!(knock("192.0.2.1", 3, 1), (Some(Rejection::ClientFull), 0));
    assert_eq!(knock("192.0.2.3", 3, 1), (None, 0));
}

#[test]
fn with_every_seat_taken_the_door_waits_a_little() {
    assert_eq!(knock("192.0.2.3", 2, 2), (Some(Rejection::Full), PAUSES));
}
