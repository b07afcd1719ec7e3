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
use super::connection::{Awaited, Connection, NextStep, Peer, Stage, Upload};
use super::encoder::ResponseFraming;
use super::framing::{self, BodyLength, Expectation, Persistence, RequestFraming};
use super::head::Head;
use super::head_scanner::HeadScanner;
use super::rejection::Rejection;
use super::response::Response;
use super::serving::{Responder, Shared};
use crate::metrics::CloseReason;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, Received};

/// Steps with one connection before the others get their turn: a pipeliner must not own a thread.
const STEPS_PER_TURN: usize = 64;

/// A serving thread.
pub struct Worker {
    responder: Responder,
    /// `None` after it broke and could not be replaced.
    airlock: Option<Airlock>,
    /// Of the request at hand, as is the next.
    head: Head,
    canonical: Vec<u8>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, airlock: Airlock) -> Worker {
        let (head, canonical) = (Head::default(), Vec::new());
        Worker { responder: Responder::new(shared), airlock: Some(airlock), head, canonical }
    }

    /// Serves until the parking closes.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.responder.shared);
        let _member = shared.thread_pool.member();
        loop {
            // Those it was rung up for, and nobody else was: it must not rest before.
            while let Some(settled) = shared.parking.take_settled() {
                self.serve(settled);
            }
            shared.thread_pool.rest();
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
        self.responder.shared.metrics.connections.threads_busy.inc();
        let next_step = catch_unwind(AssertUnwindSafe(|| self.drive(&mut connection)));
        let next_step = next_step.unwrap_or_else(|_| {
            self.responder.shared.metrics.connections.panics.inc();
            NextStep::Close(CloseReason::Error)
        });
        self.responder.shared.settle(connection, next_step);
        self.responder.shared.metrics.connections.threads_busy.dec();
    }

    fn drive(&mut self, connection: &mut Connection) -> NextStep {
        if connection.is_overdue(Instant::now()) {
            return self.responder.expire(connection);
        }
        for _ in 0..STEPS_PER_TURN {
            let next_step = match connection.stage {
                Stage::Idle | Stage::Head(_) => self.read_head(connection),
                Stage::Body(_) => self.read_body(connection),
                Stage::Awaiting(_) => Some(self.complete(connection)),
                Stage::Answering(_) => self.send_on(connection),
                Stage::Lingering(_) => connection.skip(&mut self.responder.arrivals),
            };
            if let Some(next_step) = next_step {
                return next_step;
            }
        }
        waiting(connection)
    }

    /// A stream reads from the store as it goes.
    fn send_on(&self, connection: &mut Connection) -> Option<NextStep> {
        let _inside = self.responder.shared.thread_pool.enter();
        connection.send_on(&self.responder.shared.timeouts)
    }

    fn read_head(&mut self, connection: &mut Connection) -> Option<NextStep> {
        if let Stage::Head(head_scanner) = &mut connection.stage {
            match head_scanner.advance(&connection.input, self.responder.shared.max_head_bytes) {
                Ok(Some(length)) => {
                    self.take_head(connection, length);
                    return None;
                }
                Ok(None) => {}
                Err(rejection) => {
                    self.responder.refuse(connection, rejection);
                    return None;
                }
            }
        }
        let is_idle = matches!(connection.stage, Stage::Idle);
        let next_step = self.receive(connection);
        match next_step {
            None if is_idle => {
                let patience = self.responder.shared.timeouts.request;
                connection.enter(Stage::Head(HeadScanner::default()), patience);
                None
            }
            Some(NextStep::Park(_)) if is_idle && self.responder.shared.is_stopping() => {
                Some(NextStep::Close(CloseReason::Shutdown))
            }
            next_step => next_step,
        }
    }

    /// Reads what has come; `None` when there is something new to look at.
    fn receive(&mut self, connection: &mut Connection) -> Option<NextStep> {
        match connection.receive(&mut self.responder.arrivals) {
            Received::Bytes(_) => None,
            Received::Nothing => Some(NextStep::Park(Interest::Readable)),
            Received::End if !matches!(connection.stage, Stage::Idle) => {
                self.responder.refuse(connection, Rejection::Incomplete);
                None
            }
            Received::End => Some(NextStep::Close(CloseReason::Client)),
            Received::Broken => Some(NextStep::Close(CloseReason::Client)),
        }
    }

    /// Goes on from a complete head: to its answer, or to its body.
    fn take_head(&mut self, connection: &mut Connection, length: usize) {
        let checked = framing::check(&connection.input[..length], &mut self.head);
        connection.input.drain(..length);
        let framing = match checked {
            Ok(framing) => framing,
            Err(rejection) => return self.responder.refuse(connection, rejection),
        };
        if let Some(response) = self.turn_away(&framing, &connection.peer) {
            let form = ResponseFraming {
                persistence: Persistence::Close,
                ..ResponseFraming::of(&framing)
            };
            return self.responder.send(connection, response, form);
        }
        match framing.body {
            BodyLength::None => self.answer(connection, &framing, &[]),
            BodyLength::Exactly(length) if length <= connection.input.len() as u64 => {
                let rest = connection.input.split_off(length as usize);
                let body = mem::replace(&mut connection.input, rest);
                self.answer(connection, &framing, &body);
            }
            _ => self.await_body(connection, framing),
        }
    }

    /// The answer to a request whose body won't be read, or should not be sent at all.
    fn turn_away(&self, framing: &RequestFraming, peer: &Peer) -> Option<Response> {
        let shared = &self.responder.shared;
        let limit = shared.max_body_bytes as u64;
        let rejection = match (framing.expectation, framing.body) {
            (Expectation::Unknown, _) => Some(Rejection::Expectation),
            (_, BodyLength::Exactly(length)) if length > limit => Some(Rejection::BodyTooLarge),
            (Expectation::None, _) | (_, BodyLength::None) => return None,
            (Expectation::Continue, _) => None,
        };
        let no_route = shared.service.turn_away(&self.head);
        no_route.or_else(|| {
            rejection.map(|rejection| shared.rejection(rejection, Some(&self.head), peer))
        })
    }

    fn await_body(&mut self, connection: &mut Connection, framing: RequestFraming) {
        let upload = Box::new(Upload::new(framing, mem::take(&mut self.head)));
        connection.enter(Stage::Body(upload), self.responder.shared.timeouts.request);
        if framing.expectation == Expectation::Continue && connection.input.is_empty() {
            // A client that can't take these bytes now has not read its last answers.
            let _ = socket::send_now(&connection.socket, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn read_body(&mut self, connection: &mut Connection) -> Option<NextStep> {
        let Stage::Body(upload) = &mut connection.stage else { return None };
        match upload.take(&mut connection.input, self.responder.shared.max_body_bytes) {
            Ok(false) => self.receive(connection),
            Ok(true) => {
                let framing = upload.framing;
                let body = mem::take(&mut upload.body);
                self.head = mem::take(&mut upload.head);
                self.answer(connection, &framing, &body);
                None
            }
            Err(rejection) => {
                let no_route = match rejection {
                    Rejection::BodyTooLarge => {
                        self.responder.shared.service.turn_away(&upload.head)
                    }
                    _ => None,
                };
                match no_route {
                    Some(response) => self.responder.send_last(connection, response),
                    None => self.responder.refuse(connection, rejection),
                }
                None
            }
        }
    }

    /// Answers a complete request, whose head is at hand.
    fn answer(&mut self, connection: &mut Connection, framing: &RequestFraming, body: &[u8]) {
        self.head.write_canonical(framing.body, body, &mut self.canonical);
        let form = ResponseFraming::of(framing);
        match self.exchange(&connection.peer) {
            Ok(Answer::Now(response)) => self.response(connection, response, form),
            Ok(Answer::Later(pending)) => {
                connection.enter(Stage::Awaiting(Awaited { pending, form }), Duration::ZERO);
            }
            Err(rejection) => {
                let (shared, peer) = (&self.responder.shared, &connection.peer);
                let response = shared.rejection(rejection, Some(&self.head), peer);
                self.response(
                    connection,
                    response,
                    ResponseFraming { persistence: Persistence::Close, ..form },
                );
            }
        }
    }

    /// Makes and sends an answer that has waited for its order. That ends the turn: the thread
    /// may have been rung up for others' answers too, and the next request, which may block,
    /// must not hold those up. Nor may pipelined orders keep all threads from the other clients.
    fn complete(&mut self, connection: &mut Connection) -> NextStep {
        let Awaited { pending, form } = match mem::replace(&mut connection.stage, Stage::Idle) {
            Stage::Awaiting(awaited) if awaited.pending.is_ready() => awaited,
            stage => {
                connection.stage = stage;
                return NextStep::Await;
            }
        };
        let service = &self.responder.shared.service;
        let response = catch_unwind(AssertUnwindSafe(|| service.complete(*pending)));
        match response {
            Ok(response) => self.response(connection, response, form),
            Err(_) => {
                self.responder.shared.metrics.connections.panics.inc();
                let response =
                    self.responder.shared.rejection(Rejection::Panic, None, &connection.peer);
                self.response(
                    connection,
                    response,
                    ResponseFraming { persistence: Persistence::Close, ..form },
                );
            }
        }
        waiting(connection)
    }

    /// Sends an answer; the last one of its connection while the server stops.
    fn response(
        &mut self,
        connection: &mut Connection,
        response: Response,
        mut form: ResponseFraming,
    ) {
        if self.responder.shared.is_stopping() {
            form.persistence = Persistence::Close;
        }
        self.responder.send(connection, response, form);
    }

    /// Takes the canonical request through the airlock to the service.
    fn exchange(&mut self, peer: &Peer) -> Result<Answer, Rejection> {
        let mut request = self.pass()?;
        let (service, head) = (&self.responder.shared.service, &self.head);
        let inside = self.responder.shared.thread_pool.enter();
        let answer = catch_unwind(AssertUnwindSafe(|| service.answer(head, &mut request, peer)));
        drop(inside);
        airlock::release(request);
        answer.map_err(|_| {
            self.responder.shared.metrics.connections.panics.inc();
            Rejection::Panic
        })
    }

    /// A pair that misbehaves is replaced, and the request tried once more.
    fn pass(&mut self) -> Result<tiny_http::Request, Rejection> {
        for _ in 0..2 {
            if self.airlock.is_none() {
                self.airlock = self.reopen();
            }
            let Some(airlock) = &mut self.airlock else { return Err(Rejection::Airlock) };
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
        Err(Rejection::Airlock)
    }

    fn reopen(&self) -> Option<Airlock> {
        let shared = &self.responder.shared;
        shared.metrics.connections.airlocks_rebuilt.inc();
        Airlock::open(&shared.temp_dir, shared.airlock_bytes(), 1)
            .inspect_err(|error| log::error!("no new airlock: {error}"))
            .ok()?
            .pop()
    }
}

/// How a connection waits that has more to do, or may have, when others have had their turns.
fn waiting(connection: &Connection) -> NextStep {
    match connection.stage {
        Stage::Idle | Stage::Lingering(_) => NextStep::Park(Interest::Readable),
        Stage::Awaiting(_) => NextStep::Await,
        // It can be written to nearly always: it comes back when its turn is.
        _ => NextStep::Park(Interest::Writable),
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
pub(super) mod tests;
