//! One client's connection: its socket, what has come and what has still to go.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::connection_limits::ConnectionPermit;
use super::handler::{Deferred, Peer};
use super::outgoing::{After, Outgoing, Refill, Sent};
use super::protocol::encoder::ResponseFraming;
use super::protocol::head_scanner::HeadScanner;
use super::settings::Timeouts;
use super::upload::Upload;
use crate::metrics::CloseReason;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, Received};

/// How long a connection that was told to close may take to do so, and how much it may
/// still send: closed at once, a reset could destroy the response on its way.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 << 10;

/// What one read takes at most.
const READ_BYTES: usize = 16 << 10;

/// An open connection. Whoever holds it is its only owner.
pub struct Connection {
    // Declared before the permit, and so dropped before it: when the slot is free, the descriptor
    // is too.
    pub socket: TcpStream,
    pub peer: Peer,
    pub stage: Stage,
    /// Bytes that have come and were not used yet; bounded by the largest head and one read.
    pub input: Vec<u8>,
    /// When the present stage must be over.
    pub deadline: Instant,
    /// When the present stage began.
    since: Instant,
    /// No byte has come since it was accepted.
    is_new: bool,
    /// Whether the socket is in the poll set.
    pub is_watched: bool,
    pub permit: ConnectionPermit,
}

/// The order in which connections are evicted: by class, then the oldest first.
pub type EvictionOrder = (EvictionClass, Instant);

/// What a client loses when its connection is evicted; the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvictionClass {
    /// It has its last response.
    Answered,
    Idle,
    PartialHead,
    PartialBody,
    /// A response that the client does not take.
    Unread,
    /// Accepted a moment ago: its first request is on its way.
    New,
}

/// How long a connection counts as new. Without this, a new connection would be the next to be
/// evicted wherever all others are half sent, before its request could arrive.
const NEW: Duration = Duration::from_millis(100);

/// A response that moved on within this time is being read: longer than what a lost packet
/// costs on a slow network.
const MOVING: Duration = Duration::from_secs(2);

/// What the connection is in the middle of.
pub enum Stage {
    /// Nothing: no byte of a request has come.
    Idle,
    Head(HeadScanner),
    Body(Box<Upload>),
    /// Its response isn't ready. It has the deadline of the response, and is never evicted.
    Deferred(DeferredResponse),
    Responding(Box<Outgoing>),
    /// The client has its last response and was told that the connection closes. So many more
    /// bytes that it sends are read and thrown away.
    Lingering(usize),
}

/// A response that isn't ready, and how it will have to look.
pub struct DeferredResponse {
    pub deferred: Box<dyn Deferred>,
    pub framing: ResponseFraming,
}

/// What a thread does with the connection when it is done for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    Park(Interest),
    /// Until its deferred response is ready.
    Defer,
    Close(CloseReason),
}

impl DeferredResponse {
    /// Whether the response can be made: it is ready, or as good as it will be.
    pub fn is_due(&self, now: Instant) -> bool {
        self.deferred.is_ready() || self.deferred.deadline().is_some_and(|end| end <= now)
    }
}

impl Connection {
    pub fn new(
        socket: TcpStream,
        peer: Peer,
        permit: ConnectionPermit,
        idle: Duration,
    ) -> Box<Connection> {
        let now = Instant::now();
        Box::new(Connection {
            socket,
            peer,
            stage: Stage::Idle,
            input: Vec::new(),
            deadline: now + idle,
            since: now,
            is_new: true,
            is_watched: false,
            permit,
        })
    }

    pub fn enter(&mut self, stage: Stage, within: Duration) {
        self.since = Instant::now();
        self.deadline = self.since + within;
        self.stage = stage;
        self.is_new = false;
    }

    /// Reads what has come into `arrivals`, and keeps it.
    pub fn receive(&mut self, arrivals: &mut Vec<u8>) -> Received {
        arrivals.clear();
        let received = socket::receive(&self.socket, arrivals, READ_BYTES);
        self.input.extend_from_slice(arrivals);
        received
    }

    /// Whether its present stage has taken too long.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.deadline <= now && !matches!(self.stage, Stage::Deferred(_))
    }

    /// Whether it waits for a response that can be made now.
    pub fn is_due(&self, now: Instant) -> bool {
        matches!(&self.stage, Stage::Deferred(response) if response.is_due(now))
    }

    /// Whether it waits for a response that is given up with its client, and the client has hung up.
    pub fn is_abandoned(&self) -> bool {
        matches!(&self.stage, Stage::Deferred(response) if response.deferred.ends_with_client())
            && socket::has_hung_up(&self.socket)
    }

    /// Ends a response that is sent: on to the next request, or to the close.
    pub fn finish(&mut self, after: After, timeouts: &Timeouts) {
        match after {
            After::Keep if self.input.is_empty() => self.enter(Stage::Idle, timeouts.idle),
            After::Keep => self.enter(Stage::Head(HeadScanner::default()), timeouts.request),
            After::Close => {
                socket::finish_sending(&self.socket);
                self.input = Vec::new();
                self.enter(Stage::Lingering(LINGER_BYTES), LINGER);
            }
        }
    }

    /// Sends on with the response, as far as the client takes it, and makes one more piece of a
    /// stream: others have their turn before that is sent. `None` when all is sent.
    pub fn send_on(&mut self, timeouts: &Timeouts) -> Option<NextStep> {
        let Stage::Responding(outgoing) = &mut self.stage else { return None };
        match outgoing.send(&self.socket) {
            Sent::All => {}
            Sent::Part => return Some(NextStep::Park(Interest::Writable)),
            Sent::Broken => return Some(NextStep::Close(CloseReason::Client)),
        }
        match outgoing.refill() {
            Refill::Piece => {
                self.deadline = Instant::now() + timeouts.request;
                Some(NextStep::Park(Interest::Writable))
            }
            Refill::Cut => Some(NextStep::Close(CloseReason::Error)),
            Refill::End => {
                let after = outgoing.after;
                self.finish(after, timeouts);
                None
            }
        }
    }

    /// Skips what the client still sends after its last response.
    pub fn skip(&mut self, arrivals: &mut Vec<u8>) -> Option<NextStep> {
        let Stage::Lingering(left) = &mut self.stage else { return None };
        arrivals.clear();
        match socket::receive(&self.socket, arrivals, READ_BYTES) {
            Received::Bytes(count) if count < *left => {
                *left -= count;
                None
            }
            Received::Nothing => Some(NextStep::Park(Interest::Readable)),
            _ => Some(NextStep::Close(CloseReason::Answered)),
        }
    }

    /// Gives memory back before a wait; returns what is kept, in bytes.
    pub fn trim(&mut self) -> usize {
        const SMALL: usize = 1024;
        if self.input.capacity() > SMALL && self.input.len() * 4 < self.input.capacity() {
            self.input.shrink_to_fit();
        }
        let kept = match &self.stage {
            Stage::Body(upload) => upload.kept_bytes(),
            Stage::Responding(outgoing) => outgoing.kept_bytes(),
            _ => 0,
        };
        self.input.capacity() + kept
    }

    /// Where this connection stands among those that may be evicted for a new one, at `now`.
    /// `None` for one that is never evicted: its response isn't ready, or `spares_readers` is
    /// set and its client is reading a response.
    pub fn eviction_order(&self, now: Instant, spares_readers: bool) -> Option<EvictionOrder> {
        let class = match &self.stage {
            Stage::Lingering(_) => EvictionClass::Answered,
            Stage::Idle if self.is_new && now.duration_since(self.since) < NEW => {
                EvictionClass::New
            }
            Stage::Idle => EvictionClass::Idle,
            Stage::Head(_) => EvictionClass::PartialHead,
            Stage::Body(_) => EvictionClass::PartialBody,
            Stage::Deferred(_) => return None,
            Stage::Responding(outgoing) => {
                let moves = now.duration_since(outgoing.moved_at) < MOVING;
                let is_spared = spares_readers && moves;
                return (!is_spared).then_some((EvictionClass::Unread, outgoing.moved_at));
            }
        };
        Some((class, self.since))
    }

    /// When its present stage began. For memory, connections are evicted by this alone: if
    /// partial bodies went last, a crowd of them could take all memory from everybody else.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether something has happened that no thread has seen yet: bytes or an end have come, or
    /// the client has taken what was sent. Its deadline is then judged by the thread that sees
    /// it: the whole process may have stood still meanwhile.
    pub fn has_news(&self) -> bool {
        match self.stage {
            Stage::Idle | Stage::Head(_) | Stage::Body(_) => !socket::is_quiet(&self.socket),
            Stage::Responding(_) => socket::is_writable(&self.socket),
            Stage::Deferred(_) | Stage::Lingering(_) => false,
        }
    }

    /// Whether a shutdown may close it: no response to it is being made or sent, and no bytes
    /// of it wait to be read.
    pub fn is_unfinished(&self) -> bool {
        match self.stage {
            Stage::Head(_) if self.has_whole_head() => false,
            Stage::Idle | Stage::Head(_) | Stage::Body(_) => socket::is_quiet(&self.socket),
            Stage::Deferred(_) | Stage::Responding(_) | Stage::Lingering(_) => false,
        }
    }

    /// A request that was pipelined behind another may be in `input` already.
    fn has_whole_head(&self) -> bool {
        self.input.windows(4).any(|four| four == b"\r\n\r\n")
    }

    /// Closes it. A response that is not whole ends with a reset, or one that is delimited by
    /// the close would look whole.
    pub fn close(mut self, reason: CloseReason) {
        if matches!(self.stage, Stage::Responding(_)) {
            socket::reset_on_close(&self.socket);
        }
        self.permit.set_close_reason(reason);
    }
}
