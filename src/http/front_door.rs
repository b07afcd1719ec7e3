//! The front door: one thread that accepts connections and parks them.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::clients::Holders;
use super::connection::Connection;
use super::connection_limits::ConnectionPermit;
use super::eviction::{evict, evict_of_the_largest};
use super::handler::Peer;
use super::protocol::encoder::{Encoder, ResponseFraming};
use super::rejection::Rejection;
use super::response::Response;
use super::transport::Transport;
use crate::clock::Clock;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, AcceptError};

/// How long the front door waits before it tries to accept again, where descriptors have run out
/// and no connection can be closed. It waits for nothing else.
const PAUSE: Duration = Duration::from_millis(5);

/// Accepts until the listener is shut down.
pub fn run(listener: &TcpListener, transport: &Transport) {
    let mut encoder = Encoder::new(Clock::system(), transport.settings.timeouts.idle);
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
            AcceptError::Exhausted if evict_of_the_largest(0, transport) => {}
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

fn admit(socket: TcpStream, address: SocketAddr, transport: &Transport, encoder: &mut Encoder) {
    transport.metrics.connections.accepted.inc();
    let peer = Peer::Client(address);
    match find_permit(address.ip(), transport) {
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

/// A permit for a new connection. Where there is none left, one of another connection that is
/// evicted, or a rejection at once: every wait here would hold up all who come after.
fn find_permit(address: IpAddr, transport: &Transport) -> Result<ConnectionPermit, Rejection> {
    let limits = &transport.limits;
    let rejection = match limits.acquire(address) {
        Ok(permit) => return Ok(permit),
        Err(rejection) => rejection,
    };
    let own = limits.holder(address);
    let held = own.as_ref().map_or(0, Holders::count);
    let has_room = rejection != Rejection::ClientFull && evict_of_the_largest(held, transport);
    if has_room || own.is_some_and(|own| evict(&own, &transport.parking)) {
        return limits.acquire(address);
    }
    Err(rejection)
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
