//! A serving thread: what it does with a connection that has become ready.
//!
//! It takes one, moves it on as far as it can without waiting for the client or for an order
//! to be on disk, and parks it again. It never waits for a client itself: measured, a few
//! threads that park after every answer do more than many that wait a little for the next
//! request.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::airlock::{self, Airlock};
use super::answer::Answer;
use super::connection::{Awaited, Connection, Fate, Peer, Stage, Upload};
use super::framing::{self, BodyLength, Expectation, Outline, Persistence};
use super::head::Head;
use super::refusal::Refusal;
use super::reply::Reply;
use super::scanner::Scanner;
use super::serving::{Desk, Shared};
use super::wire::Form;
use crate::metrics::CloseReason;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, Received};

/// Steps with one connection before the others get their turn: a pipeliner must not own a thread.
const STEPS_PER_TURN: usize = 64;

/// A serving thread.
pub struct Worker {
    desk: Desk,
    /// `None` after it broke and could not be replaced.
    airlock: Option<Airlock>,
    /// Of the request at hand, as is the next.
    head: Head,
    canonical: Vec<u8>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, airlock: Airlock) -> Worker {
        let (head, canonical) = (Head::default(), Vec::new());
        Worker { desk: Desk::new(shared), airlock: Some(airlock), head, canonical }
    }

    /// Serves until the parking closes.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.desk.shared);
        let _member = shared.crew.member();
        loop {
            // Those it was rung up for, and nobody else was: it must not rest before.
            while let Some(settled) = shared.parking.take_settled() {
                self.serve(settled);
            }
            shared.crew.rest();
            match shared.parking.next() {
                Ok(Some(connection)) => self.serve(connection),
                Ok(None) => return,
                Err(error) => {
                    log::error!("a serving thread can't wait for connections: {error}");
                    return;
                }
            }
        }
    }

    fn serve(&mut self, mut connection: Box<Connection>) {
        self.desk.shared.metrics.connections.threads_busy.inc();
        let fate = catch_unwind(AssertUnwindSafe(|| self.drive(&mut connection)));
        let fate = fate.unwrap_or_else(|_| {
            self.desk.shared.metrics.connections.panics.inc();
            Fate::Close(CloseReason::Error)
        });
        self.desk.shared.settle(connection, fate);
        self.desk.shared.metrics.connections.threads_busy.dec();
    }

    fn drive(&mut self, connection: &mut Connection) -> Fate {
        if connection.is_overdue(Instant::now()) {
            return self.desk.expire(connection);
        }
        for _ in 0..STEPS_PER_TURN {
            let fate = match connection.stage {
                Stage::Idle | Stage::Head(_) => self.read_head(connection),
                Stage::Body(_) => self.read_body(connection),
                Stage::Awaiting(_) => Some(self.complete(connection)),
                Stage::Answering(_) => self.send_on(connection),
                Stage::Lingering(_) => connection.skip(&mut self.desk.arrivals),
            };
            if let Some(fate) = fate {
                return fate;
            }
        }
        waiting(connection)
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
        let fate = self.receive(connection);
        match fate {
            None if is_idle => {
                let patience = self.desk.shared.patiences.request;
                connection.enter(Stage::Head(Scanner::default()), patience);
                None
            }
            Some(Fate::Park(_)) if is_idle && self.desk.shared.is_stopping() => {
                Some(Fate::Close(CloseReason::Shutdown))
            }
            fate => fate,
        }
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
        let checked = framing::check(&connection.input[..length], &mut self.head);
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
                let body = mem::replace(&mut connection.input, rest);
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
        let no_route = shared.service.turn_away(&self.head);
        no_route.or_else(|| refusal.map(|refusal| shared.refusal(refusal, Some(&self.head), peer)))
    }

    fn await_body(&mut self, connection: &mut Connection, outline: Outline) {
        let upload = Box::new(Upload::new(outline, mem::take(&mut self.head)));
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
                let body = mem::take(&mut upload.body);
                self.head = mem::take(&mut upload.head);
                self.answer(connection, &outline, &body);
                None
            }
            Err(refusal) => {
                let no_route = match refusal {
                    Refusal::BodyTooLarge => self.desk.shared.service.turn_away(&upload.head),
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

    /// Answers a complete request, whose head is at hand.
    fn answer(&mut self, connection: &mut Connection, outline: &Outline, body: &[u8]) {
        self.head.write_canonical(outline.body, body, &mut self.canonical);
        let form = Form::of(outline);
        match self.exchange(&connection.peer) {
            Ok(Answer::Now(reply)) => self.reply(connection, reply, form),
            Ok(Answer::Later(pending)) => {
                connection.enter(Stage::Awaiting(Awaited { pending, form }), Duration::ZERO);
            }
            Err(refusal) => {
                let (shared, peer) = (&self.desk.shared, &connection.peer);
                let reply = shared.refusal(refusal, Some(&self.head), peer);
                self.reply(connection, reply, Form { persistence: Persistence::Close, ..form });
            }
        }
    }

    /// Makes and sends an answer that has waited for its order. That ends the turn: the thread
    /// may have been rung up for others' answers too, and the next request, which may block,
    /// must not hold those up. Nor may pipelined orders keep all threads from the other clients.
    fn complete(&mut self, connection: &mut Connection) -> Fate {
        let Awaited { pending, form } = match mem::replace(&mut connection.stage, Stage::Idle) {
            Stage::Awaiting(awaited) if awaited.pending.is_ready() => awaited,
            stage => {
                connection.stage = stage;
                return Fate::Await;
            }
        };
        let service = &self.desk.shared.service;
        let reply = catch_unwind(AssertUnwindSafe(|| service.complete(*pending)));
        match reply {
            Ok(reply) => self.reply(connection, reply, form),
            Err(_) => {
                self.desk.shared.metrics.connections.panics.inc();
                let reply = self.desk.shared.refusal(Refusal::Panic, None, &connection.peer);
                self.reply(connection, reply, Form { persistence: Persistence::Close, ..form });
            }
        }
        waiting(connection)
    }

    /// Sends an answer; the last one of its connection while the server stops.
    fn reply(&mut self, connection: &mut Connection, reply: Reply, mut form: Form) {
        if self.desk.shared.is_stopping() {
            form.persistence = Persistence::Close;
        }
        self.desk.send(connection, reply, form);
    }

    /// Takes the canonical request through the airlock to the service.
    fn exchange(&mut self, peer: &Peer) -> Result<Answer, Refusal> {
        let mut request = self.pass()?;
        let (service, head) = (&self.desk.shared.service, &self.head);
        let inside = self.desk.shared.crew.enter();
        let answer = catch_unwind(AssertUnwindSafe(|| service.answer(head, &mut request, peer)));
        drop(inside);
        airlock::release(request);
        answer.map_err(|_| {
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
                Ok(request) if request.url() == self.head.target() => {
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
        Airlock::open(&shared.temp_dir, shared.airlock_bytes(), 1)
            .inspect_err(|error| log::error!("no new airlock: {error}"))
            .ok()?
            .pop()
    }
}

/// How a connection waits that has more to do, or may have, when others have had their turns.
fn waiting(connection: &Connection) -> Fate {
    match connection.stage {
        Stage::Idle | Stage::Lingering(_) => Fate::Park(Interest::Readable),
        Stage::Awaiting(_) => Fate::Await,
        // It can be written to nearly always: it comes back when its turn is.
        _ => Fate::Park(Interest::Writable),
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
pub(super) mod tests;
