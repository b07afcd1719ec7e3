//! The front door: one thread that accepts, seats and parks.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::connection::{Connection, Peer};
use super::encoder::{Printer, ResponseFraming};
use super::parking::{self, ConnectionPermit, Parking, Scope};
use super::rejection::Rejection;
use super::response::Response;
use super::serving::Shared;
use crate::clock::Clock;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, AcceptError};

/// How long the door waits when there is nothing to close, and how often for one newcomer
/// when every seat is taken.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSES: usize = 3;

/// Accepts until the listener is shut down.
pub fn run(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut printer = Printer::new(Clock::system());
    let mut is_stuck = false;
    while !shared.is_stopping() {
        let error = match listener.accept() {
            Ok((socket, address)) => {
                is_stuck = false;
                admit(socket, address, shared, &mut printer);
                continue;
            }
            Err(_) if shared.is_stopping() => return,
            Err(error) => error,
        };
        match socket::accept_error(&error) {
            AcceptError::Passing => {}
            AcceptError::Exhausted if make_room(shared) => {}
            AcceptError::Exhausted => {
                if !is_stuck {
                    log::warn!("can't accept, and nothing can be closed: {error}");
                }
                is_stuck = true;
                thread::sleep(PAUSE);
            }
            AcceptError::Listener => return log::error!("no more connections: {error}"),
        }
    }
}

/// Out of descriptors: those that lose least give way.
fn make_room(shared: &Shared) -> bool {
    let parking = &shared.parking;
    // There may be far fewer descriptors than seats, and who has just come must not be among
    // the oldest.
    let batch = batch(parking.seats()).min(parking.open() / 4).max(1);
    parking.evict(Scope::All, batch) > 0
}

/// Closing a few at once keeps the search for the oldest cheap under a flood.
fn batch(seats: usize) -> usize {
    (seats / 128).max(1)
}

fn admit(socket: TcpStream, address: SocketAddr, shared: &Arc<Shared>, printer: &mut Printer) {
    shared.metrics.connections.accepted.inc();
    let peer = Peer { address };
    match find_seat(address, shared, || thread::sleep(PAUSE)) {
        Ok(seat) => {
            let connection = Connection::new(socket, peer, seat, shared.timeouts.idle);
            shared.parking.park(connection, Interest::Readable);
        }
        Err(rejection) => {
            let response = shared.rejection(rejection, None, &peer);
            turn_back(&socket, response, printer);
        }
    }
}

/// A seat, at the cost of those that lose least where there is none. A client that has its
/// share, all of it busy, is refused at once: a pause for it would hold up everyone else.
fn find_seat(
    address: SocketAddr,
    shared: &Shared,
    mut pause: impl FnMut(),
) -> Result<ConnectionPermit, Rejection> {
    let parking = &shared.parking;
    for _ in 0..PAUSES {
        let rejection = match parking::seat(parking, address.ip()) {
            Ok(seat) => return Ok(seat),
            Err(rejection) => rejection,
        };
        match evict_for(address, rejection, parking) {
            0 if rejection == Rejection::ClientFull => return Err(rejection),
            0 => pause(),
            _ => {}
        }
    }
    parking::seat(parking, address.ip())
}

/// Closes what may give way to a newcomer that found no seat; returns how many.
fn evict_for(address: SocketAddr, rejection: Rejection, parking: &Parking) -> usize {
    match (rejection, parking.client_of(address.ip())) {
        (Rejection::ClientFull, Some(client)) => {
            parking.evict(Scope::Client(client), batch(parking.seats_per_client()))
        }
        _ => parking.evict(Scope::All, batch(parking.seats())),
    }
}

/// Answers without a seat: in one write, and without waiting for the client.
fn turn_back(socket: &TcpStream, response: Response, printer: &mut Printer) {
    let mut bytes = Vec::new();
    printer.print(response, ResponseFraming::last(), &mut bytes);
    let _ = socket::send_now(socket, &bytes);
    socket::finish_sending(socket);
    // What has come already must not turn the close into a reset.
    let _ = socket::receive(socket, &mut bytes, 16 << 10);
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;
