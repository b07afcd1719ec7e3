//! One client's connection: its socket, what has come and what has still to go.

use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::answer::Pending;
use super::chunked;
use super::encoder::{self, ResponseFraming};
use super::framing::{BodyLength, RequestFraming};
use super::head::Head;
use super::head_scanner::HeadScanner;
use super::parking::ConnectionPermit;
use super::rejection::Rejection;
use crate::metrics::CloseReason;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, Received};

/// How long a connection that was told to close may take to do so, and how much it may
/// still send: closed at once, a reset could destroy the answer on its way.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 << 10;

/// What one read takes at most.
const READ_BYTES: usize = 16 << 10;

/// Pieces of a stream that are sent before other connections get their turn.
const PIECES_PER_TURN: usize = 16;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
}

pub struct Connection {
    // Ahead of the seat: a place is free only when its descriptor is.
    pub socket: TcpStream,
    pub peer: Peer,
    pub stage: Stage,
    /// Bytes that have come and were not used yet; bounded by the largest head and one read.
    pub input: Vec<u8>,
    /// When the present stage must be over.
    pub deadline: Instant,
    /// When the present stage began.
    since: Instant,
    /// Until when an answer does not give way to a newcomer: one write deadline from the first
    /// that was not taken at once since the connection was idle. A client that takes answer
    /// after answer just in time must not hold its place for ever.
    sheltered_until: Option<Instant>,
    pub seat: ConnectionPermit,
}

/// Smaller ones give way first.
pub type EvictionOrder = (u8, Instant);

/// What the connection is in the middle of.
pub enum Stage {
    /// Nothing: no byte of a request has come.
    Idle,
    Head(HeadScanner),
    Body(Box<Upload>),
    /// Its order is on the way to the disk. It has no deadline, and gives way to nobody.
    Awaiting(Awaited),
    Answering(Box<Outgoing>),
    /// It is answered and told to close; so many more bytes of the client's are skipped.
    Lingering(usize),
}

/// A request whose head is known and whose body is still coming.
pub struct Upload {
    pub framing: RequestFraming,
    pub head: Head,
    pub body: Vec<u8>,
    decoder: Option<chunked::Decoder>,
}

/// An answer that waits for the disk, and how it is to look.
pub struct Awaited {
    pub pending: Box<Pending>,
    pub form: ResponseFraming,
}

/// An answer that the client has not taken whole.
pub struct Outgoing {
    pub bytes: Vec<u8>,
    pub sent: usize,
    pub stream: Option<encoder::BodyEncoder>,
    pub after: After,
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Keep,
    Close,
}

/// What a thread does with the connection when it is done for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    Park(Interest),
    /// Until what its answer waits for is settled.
    Await,
    Close(CloseReason),
}

/// The limits of time that a connection lives under.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the first byte of a request.
    pub idle: Duration,
    /// For a head, for a body, and for the taking of an answer: each from its first byte.
    pub request: Duration,
}

impl Connection {
    pub fn new(
        socket: TcpStream,
        peer: Peer,
        seat: ConnectionPermit,
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
            seat,
        })
    }

    pub fn enter(&mut self, stage: Stage, within: Duration) {
        self.since = Instant::now();
        self.deadline = self.since + within;
        self.stage = stage;
        if matches!(self.stage, Stage::Answering(_)) {
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
        self.deadline <= now && !matches!(self.stage, Stage::Awaiting(_))
    }

    /// Whether an answer that was awaited can be made.
    pub fn is_ready(&self) -> bool {
        matches!(&self.stage, Stage::Awaiting(awaited) if awaited.pending.is_ready())
    }

    /// Ends an answer that is sent: on to the next request, or to the close.
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

    /// Sends on with the answer, as far as the client takes it; `None` when it is sent.
    pub fn send_on(&mut self, timeouts: &Timeouts) -> Option<NextStep> {
        let Stage::Answering(outgoing) = &mut self.stage else { return None };
        for _ in 0..PIECES_PER_TURN {
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

    /// Skips what the client still sends after its last answer.
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
            Stage::Body(upload) => upload.head.capacity() + upload.body.capacity(),
            Stage::Answering(outgoing) => outgoing.kept_bytes(),
            _ => 0,
        };
        self.input.capacity() + kept
    }

    /// The order in which connections give way to a newcomer at `now`: the kind that loses
    /// least, then by age. `None` for an answer that has not been on its way for long.
    pub fn rank(&self, now: Instant) -> Option<EvictionOrder> {
        match self.stage {
            Stage::Lingering(_) => Some((0, self.since)),
            Stage::Idle => Some((1, self.since)),
            Stage::Head(_) => Some((2, self.since)),
            Stage::Body(_) => Some((3, self.since)),
            Stage::Awaiting(_) => None,
            Stage::Answering(_) => {
                let end = self.sheltered_until.filter(|end| *end <= now)?;
                Some((4, end))
            }
        }
    }

    /// The order in which connections give way for memory: by age alone, so that a crowd of
    /// partial bodies can't drive out those that keep next to nothing.
    pub fn rank_by_age(&self) -> EvictionOrder {
        (0, self.since)
    }

    /// Whether a shutdown may close it: nothing of it is being answered, and nothing that
    /// has come waits to be read.
    pub fn is_unfinished(&self) -> bool {
        match self.stage {
            Stage::Head(_) if self.has_whole_head() => false,
            Stage::Idle | Stage::Head(_) | Stage::Body(_) => socket::is_quiet(&self.socket),
            Stage::Awaiting(_) | Stage::Answering(_) | Stage::Lingering(_) => false,
        }
    }

    /// A request that was pipelined behind another waits for its turn so.
    fn has_whole_head(&self) -> bool {
        self.input.windows(4).any(|four| four == b"\r\n\r\n")
    }

    /// Closes it. An answer that is not whole ends with a reset, or one that is delimited
    /// by the close would look whole.
    pub fn close(mut self, reason: CloseReason) {
        if matches!(self.stage, Stage::Answering(_)) {
            socket::reset_on_close(&self.socket);
        }
        self.seat.leave_because(reason);
    }
}

impl Upload {
    pub fn new(framing: RequestFraming, head: Head) -> Upload {
        let decoder = (framing.body == BodyLength::Chunked).then(chunked::Decoder::default);
        Upload { framing, head, body: Vec::new(), decoder }
    }

    /// Takes from `input` what belongs to the body, at most `limit` bytes of it; true when
    /// that is all.
    pub fn take(&mut self, input: &mut Vec<u8>, limit: usize) -> Result<bool, Rejection> {
        if let Some(decoder) = &mut self.decoder {
            let progress = decoder.advance(input, &mut self.body, limit)?;
            input.drain(..progress.consumed);
            return Ok(progress.is_complete);
        }
        let BodyLength::Exactly(length) = self.framing.body else { return Ok(true) };
        let missing = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(self.body.len());
        let taken = missing.min(input.len());
        self.body.extend_from_slice(&input[..taken]);
        input.drain(..taken);
        Ok(self.body.len() as u64 >= length)
    }
}

enum Sent {
    All,
    Part,
    Broken,
}

enum Refill {
    Piece,
    End,
    /// The answer can't be completed.
    Cut,
}

impl Outgoing {
    fn send(&mut self, socket: &TcpStream) -> Sent {
        while self.sent < self.bytes.len() {
            match socket::send_now(socket, &self.bytes[self.sent..]) {
                Ok(Some(count)) => self.sent += count,
                Ok(None) => return Sent::Part,
                Err(_) => return Sent::Broken,
            }
        }
        Sent::All
    }

    fn kept_bytes(&self) -> usize {
        self.bytes.capacity() + self.stream.as_ref().map_or(0, encoder::BodyEncoder::kept_bytes)
    }

    /// Makes the stream's next piece.
    fn refill(&mut self) -> Refill {
        let Some(flow) = &mut self.stream else { return Refill::End };
        self.bytes.clear();
        self.sent = 0;
        match catch_unwind(AssertUnwindSafe(|| flow.next(&mut self.bytes))) {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => self.stream = None,
            Ok(Err(error)) => {
                log::warn!("an answer was cut short: {error}");
                return Refill::Cut;
            }
            Err(_) => return Refill::Cut,
        }
        if self.bytes.is_empty() && self.stream.is_none() { Refill::End } else { Refill::Piece }
    }
}
