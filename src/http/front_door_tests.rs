use std::net::IpAddr;

use super::*;
use crate::http::worker::tests::transport;

fn address(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse::<IpAddr>().unwrap(), 1)
}

/// What a newcomer gets while the permits of two clients are in use by threads, and how often
/// the front door waited for it.
#[track_caller]
fn knock(newcomer: &str, max: usize, max_per_client: usize) -> (Option<Rejection>, usize) {
    let transport = transport(|settings| {
        settings.max_connections = max;
        settings.max_connections_per_client = max_per_client;
    });
    let permit = |text| transport.limits.acquire(address(text).ip()).unwrap();
    let _busy = [permit("192.0.2.1"), permit("192.0.2.2")];
    let mut pauses = 0;
    let found = find_permit(address(newcomer), &transport, || pauses += 1);
    (found.err(), pauses)
}

#[test]
fn a_client_at_its_cap_is_rejected_without_a_pause() {
    assert_eq!(knock("192.0.2.1", 3, 1), (Some(Rejection::ClientFull), 0));
    assert_eq!(knock("192.0.2.3", 3, 1), (None, 0));
}

#[test]
fn with_every_permit_taken_the_front_door_waits_a_little() {
    assert_eq!(knock("192.0.2.3", 2, 2), (Some(Rejection::Full), PAUSES));
}
