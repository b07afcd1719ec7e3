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

/// Pieces of a stream that are sent before the thread goes on to other connections.
const PIECES_PER_STEP: usize = 16;

pub struct Connection {
    // Ahead of the permit: its slot is free only when its descriptor is.
    pub socket: TcpStream,
    pub peer: Peer,
    pub stage: Stage,
    /// Bytes that have come and were not used yet; bounded by the largest head and one read.
    pub input: Vec<u8>,
    /// When the present stage must be over.
    pub deadline: Instant,
    /// When the present stage began.
    since: Instant,
    /// Until when a response does not give way to a newcomer: one write deadline from the
    /// first that was not taken at once since the connection was idle. A client that takes
    /// response after response just in time must not hold its permit for ever.
    sheltered_until: Option<Instant>,
    /// Whether the socket is in the poll set.
    pub is_watched: bool,
    pub permit: ConnectionPermit,
}

/// What gives way to a newcomer; smaller ones first.
pub type EvictionOrder = (u8, Instant);

/// What the connection is in the middle of.
pub enum Stage {
    /// Nothing: no byte of a request has come.
    Idle,
    Head(HeadScanner),
    Body(Box<Upload>),
    /// Its response isn't ready. It has the deadline of the response, and gives way to nobody.
    Deferred(DeferredResponse),
    Responding(Box<Outgoing>),
    /// It has its response and was told to close; so many more bytes of the client's are
    /// skipped.
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
            sheltered_until: None,
            is_watched: false,
            permit,
        })
    }

    pub fn enter(&mut self, stage: Stage, within: Duration) {
        self.since = Instant::now();
        self.deadline = self.since + within;
        self.stage = stage;
        if matches!(self.stage, Stage::Responding(_)) {
            self.sheltered_until.get_or_insert(self.deadline);
        }
    }

    /// Reads what has come into `arrivals`, and keeps it.
    pub fn receive(&mut self, arrivals: &mut Vec<u8>) -> Received {
        arrivals.clear();
        let received = socket::receive(&self.socket, arrivals, READ_BYTES);
        self.input.extend_from_slice(arrivals);
        if matches!((&self.stage, &received), (Stage::Idle, Received::Nothing)) {
            self.sheltered_until = None;
        }
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

    /// Sends on with the response, as far as the client takes it; `None` when it is sent.
    pub fn send_on(&mut self, timeouts: &Timeouts) -> Option<NextStep> {
        let Stage::Responding(outgoing) = &mut self.stage else { return None };
        for _ in 0..PIECES_PER_STEP {
            match outgoing.send(&self.socket) {
                Sent::All => {}
                Sent::Part => return Some(NextStep::Park(Interest::Writable)),
                Sent::Broken => return Some(NextStep::Close(CloseReason::Client)),
            }
            match outgoing.refill() {
                Refill::Piece => self.deadline = Instant::now() + timeouts.request,
                Refill::Cut => return Some(NextStep::Close(CloseReason::Error)),
                Refill::End => {
                    let after = outgoing.after;
                    self.finish(after, timeouts);
                    return None;
                }
            }
        }
        Some(NextStep::Park(Interest::Writable))
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

    /// The order in which connections give way to a newcomer at `now`: the kind that loses
    /// least, then by age. `None` for one that does not give way: its response isn't ready, or
    /// has not been on its way for long.
    pub fn eviction_order(&self, now: Instant) -> Option<EvictionOrder> {
        match self.stage {
            Stage::Lingering(_) => Some((0, self.since)),
            Stage::Idle => Some((1, self.since)),
            Stage::Head(_) => Some((2, self.since)),
            Stage::Body(_) => Some((3, self.since)),
            Stage::Deferred(_) => None,
            Stage::Responding(_) => {
                let end = self.sheltered_until.filter(|end| *end <= now)?;
                Some((4, end))
            }
        }
    }

    /// The order in which connections give way for memory: by age alone, so that a crowd of
    /// partial bodies can't drive out those that keep next to nothing.
    pub fn age_order(&self) -> EvictionOrder {
        (0, self.since)
    }

    /// Whether a shutdown may close it: nothing of it is being answered, and nothing that
    /// has come waits to be read.
    pub fn is_unfinished(&self) -> bool {
        match self.stage {
            Stage::Head(_) if self.has_whole_head() => false,
            Stage::Idle | Stage::Head(_) | Stage::Body(_) => socket::is_quiet(&self.socket),
            Stage::Deferred(_) | Stage::Responding(_) | Stage::Lingering(_) => false,
        }
    }

    /// So a request waits that was pipelined behind another.
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
