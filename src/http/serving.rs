//! Serving: what a thread does with a connection that has become ready.
//!
//! A thread takes one, moves it on as far as it can without waiting for the client, and
//! parks it again. It never waits for a client itself: measured, a few threads that park
//! after every answer do more than many that wait a little for the next request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::airlock::{self, Airlock};
use super::connection::{After, Connection, Fate, Outgoing, Patiences, Peer, Stage, Upload};
use super::crew::Crew;
use super::framing::{self, BodyLength, Expectation, Outline, Persistence, RequestLine};
use super::parking::Parking;
use super::refusal::Refusal;
use super::reply::Reply;
use super::wire::{Form, Printer};
use crate::clock::Clock;
use crate::metrics::{CloseReason, Counter, Metrics};
use crate::sys::poll::Interest;
use crate::sys::socket::{self, Received};

/// What stands behind the transport: the route table.
pub trait Service: Send + Sync + 'static {
    /// Asked once the head is complete, and before a body is dealt with that is too large or
    /// comes with an expectation: the answer for a target that no route takes (404, 405, 307).
    /// A request that is turned away here never reaches [`Service::answer`]. Must not block.
    fn turn_away(&self, line: &RequestLine<'_>) -> Option<Reply>;

    /// The answer to a complete request. Runs on a serving thread; may block on the store.
    /// Header lines of one name have become one, joined by commas.
    fn answer(&self, request: &mut tiny_http::Request, peer: &Peer) -> Reply;

    /// The answer to what the front door refuses. Must not block: the door itself asks, too.
    fn refuse(&self, refusal: Refusal, peer: &Peer) -> Reply;
}

/// What the serving threads, the door and the janitor share.
pub struct Shared {
    pub service: Arc<dyn Service>,
    pub parking: Arc<Parking>,
    pub crew: Crew,
    pub metrics: Arc<Metrics>,
    pub patiences: Patiences,
    pub max_head_bytes: usize,
    pub max_body_bytes: usize,
    pub threads: usize,
    pub temp_dir: PathBuf,
    /// Set once: no connection is kept after its present answer.
    pub stopping: AtomicBool,
    /// One for each [`Refusal`], in their order.
    pub refusals: Vec<Counter>,
}

impl Shared {
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The longest canonical request: the head grows by its `Content-Length` at most.
    pub fn airlock_bytes(&self) -> usize {
        self.max_head_bytes + self.max_body_bytes + 64
    }

    pub fn refusal(&self, refusal: Refusal, peer: &Peer) -> Reply {
        self.refusals[refusal as usize].inc();
        // The door and the janitor ask too, and no request may cost them their thread.
        catch_unwind(AssertUnwindSafe(|| self.service.refuse(refusal, peer))).unwrap_or_else(|_| {
            self.metrics.connections.panics.inc();
            Reply::detail(refusal.status(), refusal.text())
        })
    }

    /// Ends what a thread, or the janitor, has done with a connection.
    pub fn settle(&self, connection: Box<Connection>, fate: Fate) {
        match fate {
            Fate::Park(interest) => self.parking.park(connection, interest),
            Fate::Close(reason) => connection.close(reason),
        }
    }
}

/// Puts answers on the wire. Every thread that answers has one.
pub struct Desk {
    pub shared: Arc<Shared>,
    printer: Printer,
    output: Vec<u8>,
    arrivals: Vec<u8>,
}

/// Above this a thread's buffer is given back after use.
const KEPT_OUTPUT_BYTES: usize = 64 << 10;

impl Desk {
    pub fn new(shared: Arc<Shared>) -> Desk {
        let printer = Printer::new(Clock::system());
        Desk { shared, printer, output: Vec::new(), arrivals: Vec::new() }
    }

    /// Sends an answer, or its beginning: the rest is left in the connection's stage.
    fn send(&mut self, connection: &mut Connection, reply: Reply, form: Form) {
        let form = form.for_body(&reply.body);
        let after = match form.persistence {
            Persistence::Close => After::Close,
            _ => After::Keep,
        };
        let stream = self.printer.print(reply, form, &mut self.output);
        let sent = match socket::send_now(&connection.socket, &self.output) {
            Ok(sent) => sent.unwrap_or(0),
            // The next send, or the linger, finds out.
            Err(_) => 0,
        };
        if sent == self.output.len() && stream.is_none() {
            connection.finish(after, &self.shared.patiences);
        } else {
            let bytes = std::mem::take(&mut self.output);
            let outgoing = Box::new(Outgoing { bytes, sent, stream, after });
            connection.enter(Stage::Answering(outgoing), self.shared.patiences.request);
        }
        if self.output.capacity() > KEPT_OUTPUT_BYTES {
            self.output = Vec::new();
        }
    }

    /// Answers what the front door doesn't let in; the connection closes after it.
    pub fn refuse(&mut self, connection: &mut Connection, refusal: Refusal) {
        let reply = self.shared.refusal(refusal, &connection.peer);
        self.send_last(connection, reply);
    }

    /// Sends an answer after which the connection closes.
    fn send_last(&mut self, connection: &mut Connection, reply: Reply) {
        let form = match &connection.stage {
            Stage::Body(upload) => Form::of(&upload.outline),
            _ => Form::last(),
        };
        self.send(connection, reply, Form { persistence: Persistence::Close, ..form });
    }

    /// Deals with a connection whose deadline has passed.
    pub fn expire(&mut self, connection: &mut Connection) -> Fate {
        match connection.stage {
            Stage::Idle => Fate::Close(CloseReason::Idle),
            Stage::Lingering(_) => Fate::Close(CloseReason::Answered),
            Stage::Answering(_) => Fate::Close(CloseReason::SlowReader),
            Stage::Head(_) | Stage::Body(_) => {
                self.refuse(connection, Refusal::Timeout);
                match connection.stage {
                    Stage::Answering(_) => Fate::Park(Interest::Writable),
                    _ => Fate::Park(Interest::Readable),
                }
            }
        }
    }
}

/// Steps with one connection before the others get their turn: a pipeliner must not own a thread.
const STEPS_PER_TURN: usize = 64;

/// A serving thread.
pub struct Worker {
    desk: Desk,
    /// `None` after it broke and could not be replaced.
    airlock: Option<Airlock>,
    canonical: Vec<u8>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, airlock: Airlock) -> Worker {
        Worker { desk: Desk::new(shared), airlock: Some(airlock), canonical: Vec::new() }
    }

    /// Serves until the parking closes.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.desk.shared);
        loop {
            shared.crew.rest();
            match shared.parking.next() {
                Ok(Some(connection)) => {
                    shared.metrics.connections.threads_busy.inc();
                    self.serve(connection);
                    shared.metrics.connections.threads_busy.dec();
                }
                Ok(None) => return,
                Err(error) => {
                    log::error!("a serving thread can't wait for connections: {error}");
                    return;
                }
            }
        }
    }

    fn serve(&mut self, mut connection: Box<Connection>) {
        let fate = catch_unwind(AssertUnwindSafe(|| self.drive(&mut connection)));
        let fate = fate.unwrap_or_else(|_| {
            self.desk.shared.metrics.connections.panics.inc();
            Fate::Close(CloseReason::Error)
        });
        self.desk.shared.settle(connection, fate);
    }

    fn drive(&mut self, connection: &mut Connection) -> Fate {
        if Instant::now() >= connection.deadline {
            return self.desk.expire(connection);
        }
        for _ in 0..STEPS_PER_TURN {
            let fate = match connection.stage {
                Stage::Idle | Stage::Head(_) => self.read_head(connection),
                Stage::Body(_) => self.read_body(connection),
                Stage::Answering(_) => self.send_on(connection),
                Stage::Lingering(_) => connection.skip(&mut self.desk.arrivals),
            };
            if let Some(fate) = fate {
                return fate;
            }
        }
        match connection.stage {
            Stage::Idle => Fate::Park(Interest::Readable),
            // It can be written to nearly always: it comes back when its turn is.
            _ => Fate::Park(Interest::Writable),
        }
    }

    /// A stream reads from the store as it goes.
    fn send_on(&self, connection: &mut Connection) -> Option<Fate> {
        let _inside = self.desk.shared.crew.enter();
        connection.send_on(&self.desk.shared.patiences)
    }

    fn read_head(&mut self, connection: &mut Connection) -> Option<Fate> {
        if let Stage::Head(scanner) = &mut connection.stage {
            match scanner.advance(&connection.input, self.desk.shared.max_head_bytes) {
                Ok(Some(length)) => {
                    self.take_head(connection, length);
                    return None;
                }
                Ok(None) => {}
                Err(refusal) => {
                    self.desk.refuse(connection, refusal);
                    return None;
                }
            }
        }
        let is_idle = matches!(connection.stage, Stage::Idle);
        if is_idle && self.desk.shared.is_stopping() {
            return Some(Fate::Close(CloseReason::Shutdown));
        }
        let fate = self.receive(connection);
        if is_idle && fate.is_none() {
            let patience = self.desk.shared.patiences.request;
            connection.enter(Stage::Head(framing::Scanner::default()), patience);
        }
        fate
    }

    /// Reads what has come; `None` when there is something new to look at.
    fn receive(&mut self, connection: &mut Connection) -> Option<Fate> {
        match connection.receive(&mut self.desk.arrivals) {
            Received::Bytes(_) => None,
            Received::Nothing => Some(Fate::Park(Interest::Readable)),
            Received::End if !matches!(connection.stage, Stage::Idle) => {
                self.desk.refuse(connection, Refusal::Incomplete);
                None
            }
            Received::End => Some(Fate::Close(CloseReason::Client)),
            Received::Broken => Some(Fate::Close(CloseReason::Client)),
        }
    }

    /// Goes on from a complete head: to its answer, or to its body.
    fn take_head(&mut self, connection: &mut Connection, length: usize) {
        let checked = framing::check(&connection.input[..length], &mut self.canonical);
        connection.input.drain(..length);
        let outline = match checked {
            Ok(outline) => outline,
            Err(refusal) => return self.desk.refuse(connection, refusal),
        };
        if let Some(reply) = self.turn_away(&outline, &connection.peer) {
            let form = Form { persistence: Persistence::Close, ..Form::of(&outline) };
            return self.desk.send(connection, reply, form);
        }
        match outline.body {
            BodyLength::None => self.answer(connection, &outline, &[]),
            BodyLength::Exactly(length) if length <= connection.input.len() as u64 => {
                let rest = connection.input.split_off(length as usize);
                let body = std::mem::replace(&mut connection.input, rest);
                self.answer(connection, &outline, &body);
            }
            _ => self.await_body(connection, outline),
        }
    }

    /// The answer to a request whose body won't be read, or should not be sent at all.
    fn turn_away(&self, outline: &Outline, peer: &Peer) -> Option<Reply> {
        let shared = &self.desk.shared;
        let limit = shared.max_body_bytes as u64;
        let refusal = match (outline.expectation, outline.body) {
            (Expectation::Unknown, _) => Some(Refusal::Expectation),
            (_, BodyLength::Exactly(length)) if length > limit => Some(Refusal::BodyTooLarge),
            (Expectation::None, _) | (_, BodyLength::None) => return None,
            (Expectation::Continue, _) => None,
        };
        let no_route = shared.service.turn_away(&RequestLine::of(&self.canonical));
        no_route.or_else(|| refusal.map(|refusal| shared.refusal(refusal, peer)))
    }

    fn await_body(&mut self, connection: &mut Connection, outline: Outline) {
        let upload = Box::new(Upload::new(outline, &self.canonical));
        connection.enter(Stage::Body(upload), self.desk.shared.patiences.request);
        if outline.expectation == Expectation::Continue && connection.input.is_empty() {
            // A client that can't take these bytes now has not read its last answers.
            let _ = socket::send_now(&connection.socket, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn read_body(&mut self, connection: &mut Connection) -> Option<Fate> {
        let Stage::Body(upload) = &mut connection.stage else { return None };
        match upload.take(&mut connection.input, self.desk.shared.max_body_bytes) {
            Ok(false) => self.receive(connection),
            Ok(true) => {
                let outline = upload.outline;
                let body = std::mem::take(&mut upload.body);
                self.canonical = std::mem::take(&mut upload.head);
                self.answer(connection, &outline, &body);
                None
            }
            Err(refusal) => {
                let line = RequestLine::of(&upload.head);
                let no_route = match refusal {
                    Refusal::BodyTooLarge => self.desk.shared.service.turn_away(&line),
                    _ => None,
                };
                match no_route {
                    Some(reply) => self.desk.send_last(connection, reply),
                    None => self.desk.refuse(connection, refusal),
                }
                None
            }
        }
    }

    /// Answers a complete request, whose canonical head is at hand.
    fn answer(&mut self, connection: &mut Connection, outline: &Outline, body: &[u8]) {
        framing::finish(&mut self.canonical, outline.body, body);
        let mut form = Form::of(outline);
        let reply = match self.exchange(&connection.peer) {
            Ok(reply) => reply,
            Err(refusal) => {
                form.persistence = Persistence::Close;
                self.desk.shared.refusal(refusal, &connection.peer)
            }
        };
        if self.desk.shared.is_stopping() {
            form.persistence = Persistence::Close;
        }
        self.desk.send(connection, reply, form);
    }

    /// Takes the canonical request through the airlock to the service.
    fn exchange(&mut self, peer: &Peer) -> Result<Reply, Refusal> {
        let mut request = self.pass()?;
        let service = &self.desk.shared.service;
        let inside = self.desk.shared.crew.enter();
        let reply = catch_unwind(AssertUnwindSafe(|| service.answer(&mut request, peer)));
        drop(inside);
        airlock::release(request);
        reply.map_err(|_| {
            self.desk.shared.metrics.connections.panics.inc();
            Refusal::Panic
        })
    }

    /// A pair that misbehaves is replaced, and the request tried once more.
    fn pass(&mut self) -> Result<tiny_http::Request, Refusal> {
        for _ in 0..2 {
            if self.airlock.is_none() {
                self.airlock = self.reopen();
            }
            let Some(airlock) = &mut self.airlock else { return Err(Refusal::Airlock) };
            match airlock.pass(&self.canonical) {
                Ok(request) if request.url() == RequestLine::of(&self.canonical).target => {
                    return Ok(request);
                }
                Ok(request) => {
                    log::error!("another request came out of the airlock than went in");
                    airlock::release(request);
                }
                Err(error) => log::error!("the airlock broke: {error}"),
            }
            self.airlock = None;
        }
        Err(Refusal::Airlock)
    }

    fn reopen(&self) -> Option<Airlock> {
        let shared = &self.desk.shared;
        shared.metrics.connections.airlocks_rebuilt.inc();
        Airlock::open(&shared.temp_dir, shared.airlock_bytes())
            .inspect_err(|error| log::error!("no new airlock: {error}"))
            .ok()
    }
}
