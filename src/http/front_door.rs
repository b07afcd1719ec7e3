//! The front door: one thread that accepts connections and parks them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::connection::Connection;
use super::connection_limits::ConnectionPermit;
use super::handler::Peer;
use super::parking::Scope;
use super::protocol::encoder::{Encoder, ResponseFraming};
use super::rejection::Rejection;
use super::response::Response;
use super::transport::Transport;
use crate::clock::Clock;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, AcceptError};

/// How long the front door waits when there is nothing to close, and how often for one
/// newcomer when every permit is taken.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSES: usize = 3;

/// Accepts until the listener is shut down.
pub fn run(listener: &TcpListener, transport: &Transport) {
    let mut encoder = Encoder::new(Clock::system());
    let mut is_stuck = false;
    while !transport.is_stopping() {
        let error = match listener.accept() {
            Ok((socket, address)) => {
                is_stuck = false;
                admit(socket, address, transport, &mut encoder);
                continue;
            }
            Err(_) if transport.is_stopping() => return,
            Err(error) => error,
        };
        match socket::accept_error(&error) {
            AcceptError::Passing => {}
            AcceptError::Exhausted if make_room(transport) => {}
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
fn make_room(transport: &Transport) -> bool {
    let limits = &transport.limits;
    // There may be far fewer descriptors than permits, and who has just come must not be among
    // the oldest.
    let count = evicted_at_once(limits.max()).min(limits.open() / 4).max(1);
    transport.parking.evict(Scope::All, count) > 0
}

/// Closing a few at once keeps the search for the oldest cheap under a flood.
fn evicted_at_once(permits: usize) -> usize {
    (permits / 128).max(1)
}

fn admit(socket: TcpStream, address: SocketAddr, transport: &Transport, encoder: &mut Encoder) {
    transport.metrics.connections.accepted.inc();
    let peer = Peer::Client(address);
    match find_permit(address, transport, || thread::sleep(PAUSE)) {
        Ok(permit) => {
            let idle = transport.settings.timeouts.idle;
            let connection = Connection::new(socket, peer, permit, idle);
            transport.parking.park(connection, Interest::Readable);
        }
        Err(rejection) => {
            let response = transport.reject(rejection, None, &peer);
            reject(&socket, response, encoder);
        }
    }
}

/// A permit, at the cost of those that lose least where there is none. A client that has its
/// share, all of it busy, is rejected at once: a pause for it would hold up everyone else.
fn find_permit(
    address: SocketAddr,
    transport: &Transport,
    mut pause: impl FnMut(),
) -> Result<ConnectionPermit, Rejection> {
    for _ in 0..PAUSES {
        let rejection = match transport.limits.acquire(address.ip()) {
            Ok(permit) => return Ok(permit),
            Err(rejection) => rejection,
        };
        match evict_for(address, rejection, transport) {
            0 if rejection == Rejection::ClientFull => return Err(rejection),
            0 => pause(),
            _ => {}
        }
    }
    transport.limits.acquire(address.ip())
}

/// Closes what may give way to a newcomer that found no permit; returns how many.
fn evict_for(address: SocketAddr, rejection: Rejection, transport: &Transport) -> usize {
    let (limits, parking) = (&transport.limits, &transport.parking);
    match (rejection, limits.client_of(address.ip())) {
        (Rejection::ClientFull, Some(client)) => {
            parking.evict(Scope::Client(client), evicted_at_once(limits.max_per_client()))
        }
        _ => parking.evict(Scope::All, evicted_at_once(limits.max())),
    }
}

/// Responds without a permit: in one write, and without waiting for the client.
fn reject(socket: &TcpStream, response: Response, encoder: &mut Encoder) {
    let mut bytes = Vec::new();
    encoder.encode(response, ResponseFraming::last(), &mut bytes);
    let _ = socket::send_now(socket, &bytes);
    socket::finish_sending(socket);
    // What has come already must not turn the close into a reset.
    let _ = socket::receive(socket, &mut bytes, 16 << 10);
}

#[cfg(test)]
#[path = "front_door_tests.rs"]
mod tests;
