use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::http::connection::{DeferredResponse, Stage};
use crate::http::handler::Deferred;
use crate::http::protocol::encoder::ResponseFraming;
use crate::http::response::Response;
use crate::http::worker::tests::{connect, transport};

/// Becomes ready while somebody looks, just too late for that look.
struct JustMissed {
    waker: Waker,
    looks: AtomicUsize,
    missed_at: usize,
}

impl Deferred for JustMissed {
    fn is_ready(&self) -> bool {
        let look = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        if look == self.missed_at {
            self.waker.wake();
        }
        look > self.missed_at
    }

    fn finish(self: Box<Self>) -> Response {
        Response::new(204)
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// Parks a connection whose response becomes ready during that look at it.
fn park(deferrals: &Deferrals, mut connection: Box<Connection>, missed_at: usize) {
    let (waker, looks) = (deferrals.waker.clone(), AtomicUsize::new(0));
    let deferred = Box::new(JustMissed { waker, looks, missed_at });
    let response = DeferredResponse { deferred, framing: ResponseFraming::last() };
    connection.enter(Stage::Deferred(response), Duration::ZERO);
    deferrals.park(connection);
}

#[test]
fn a_response_that_becomes_ready_while_its_connection_is_parked_is_found() {
    let transport = transport(|_| {});
    let (_client, connection) = connect(&transport, Duration::from_secs(9));
    let deferrals = transport.parking.deferrals();
    park(deferrals, connection, 1);
    assert!(deferrals.take_ready().is_some());
}

#[test]
fn a_response_that_becomes_ready_while_others_are_collected_is_found_the_next_time() {
    let transport = transport(|_| {});
    let (_client, connection) = connect(&transport, Duration::from_secs(9));
    let deferrals = transport.parking.deferrals();
    park(deferrals, connection, 2);
    deferrals.waker.wake();
    assert!(deferrals.take_ready().is_none());
    assert!(deferrals.take_ready().is_some());
}
