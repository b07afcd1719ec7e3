//! What stands behind the transport.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::head::Head;
use super::rejection::Rejection;
use super::response::Response;

/// Answers requests. All of its methods run on threads of the transport, many at once.
pub trait Handler: Send + Sync + 'static {
    /// The response for a target that no route takes (404, 405, 307), asked for before a body
    /// is read that is too large or that waits for `100 Continue`. A request that is answered
    /// here never reaches [`Handler::respond`]. Must not block.
    fn respond_unrouted(&self, head: &Head) -> Option<Response>;

    /// The response to a complete request, or the promise of one. May block on the store.
    fn respond(&self, head: &Head, body: &[u8], peer: &Peer) -> Outcome;

    /// The server stops: responses that wait for something that may not come are ready from now
    /// on. The server looks again after this.
    fn stop(&self) {}

    /// The response to what the front door rejects, with the head if it got that far. Must not
    /// block: the accepting thread asks, too.
    fn reject(&self, rejection: Rejection, head: Option<&Head>, peer: &Peer) -> Response;
}

/// What a request comes to.
pub enum Outcome {
    Response(Response),
    /// The connection waits for it, and no thread does.
    Deferred(Box<dyn Deferred>),
}

/// A response that isn't there yet, such as one to an order on its way to the disk.
pub trait Deferred: Send {
    /// Whether [`Deferred::finish`] would not block. Whoever makes it true calls the server's
    /// [`Waker`](crate::sys::poll::Waker) afterwards. Must not block and must not panic: the
    /// transport asks with its locks held.
    fn is_ready(&self) -> bool;

    /// Makes the response: once it is ready, or its deadline has passed.
    fn finish(self: Box<Self>) -> Response;

    /// Whether it is given up, instead of finished, when its client hangs up.
    fn ends_with_client(&self) -> bool {
        false
    }

    /// When it is finished even if it isn't ready, to within a fraction of a second; `None`
    /// where it must be ready first.
    fn deadline(&self) -> Option<Instant>;
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Client(SocketAddr),
    /// Who may open the socket beside the database.
    Local,
}

impl Peer {
    /// The address that the peer counts for.
    pub fn ip(&self) -> IpAddr {
        match self {
            Peer::Client(address) => address.ip(),
            Peer::Local => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Client(address) => address.fmt(f),
            Peer::Local => f.write_str("the local socket"),
        }
    }
}
