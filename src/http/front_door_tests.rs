use super::*;
use crate::http::worker::tests::transport;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Why a new connection is rejected while the permits of two clients are in use by threads.
#[track_caller]
fn knock(from: &str, max: usize, max_per_client: usize) -> Option<Rejection> {
    let transport = transport(|settings| {
        settings.max_connections = max;
        settings.max_connections_per_client = max_per_client;
    });
    let permit = |text| transport.limits.acquire(address(text)).unwrap();
    let _busy = [permit("192.0.2.1"), permit("192.0.2.2")];
    find_permit(address(from), &transport).err()
}

#[test]
fn a_client_at_its_cap_is_rejected_when_nothing_of_its_own_can_be_evicted() {
    assert_eq!(knock("192.0.2.1", 3, 1), Some(Rejection::ClientFull));
    assert_eq!(knock("192.0.2.3", 3, 1), None);
}

#[test]
fn with_every_permit_taken_by_busy_connections_a_new_one_is_rejected() {
    assert_eq!(knock("192.0.2.3", 2, 2), Some(Rejection::Full));
}
