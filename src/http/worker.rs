//! A serving thread: what it does with a connection that has become ready.
//!
//! It takes one, moves it on as far as it can without waiting for the client or for a deferred
//! response, and parks it again. It never waits for a client itself: measured, a few threads
//! that park the connection after every response do more than many that wait a little for the
//! next request.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::airlock::Airlock;
use super::connection::{Connection, DeferredResponse, NextStep, Stage};
use super::handler::{Outcome, Peer};
use super::head::Head;
use super::protocol::encoder::ResponseFraming;
use super::protocol::framing::{self, BodyLength, Expectation, RequestFraming};
use super::protocol::head_scanner::HeadScanner;
use super::rejection::Rejection;
use super::responder::Responder;
use super::response::Response;
use super::transport::Transport;
use super::upload::Upload;
use crate::metrics::CloseReason;
use crate::sys::poll::Interest;
use crate::sys::socket::{self, Received};

/// Steps with one connection before the thread goes on to others: a client that pipelines must
/// not own a thread.
const MAX_STEPS: usize = 8;

/// What one serving thread has of its own.
pub struct Worker {
    responder: Responder,
    /// `None` after it broke and could not be replaced.
    airlock: Option<Airlock>,
    /// The head of the request at hand.
    head: Head,
}

impl Worker {
    pub fn new(transport: Arc<Transport>, airlock: Airlock) -> Worker {
        let (responder, head) = (Responder::new(transport), Head::default());
        Worker { responder, airlock: Some(airlock), head }
    }

    fn transport(&self) -> &Arc<Transport> {
        &self.responder.transport
    }

    /// Serves until the parking closes.
    pub fn run(mut self) {
        let transport = Arc::clone(self.transport());
        let _membership = transport.pool.membership();
        loop {
            // The waker woke this thread and no other. If it parked first, deferred responses
            // that are ready would wait for the next event.
            while let Some(ready) = transport.parking.deferrals().take_ready() {
                self.serve(ready);
            }
            transport.pool.park_if_enough();
            match transport.parking.next() {
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
        self.transport().metrics.connections.threads_busy.inc();
        let next = catch_unwind(AssertUnwindSafe(|| self.drive(&mut connection)));
        let next = next.unwrap_or_else(|_| {
            self.transport().metrics.connections.panics.inc();
            NextStep::Close(CloseReason::Error)
        });
        self.transport().proceed(connection, next);
        self.transport().metrics.connections.threads_busy.dec();
    }

    /// Moves a connection on, then judges its deadline: whatever has come by now counts, however
    /// long this process may have stood still.
    fn drive(&mut self, connection: &mut Connection) -> NextStep {
        match self.advance(connection) {
            NextStep::Park(_) if connection.is_overdue(Instant::now()) => {
                self.responder.expire(connection)
            }
            next => next,
        }
    }

    fn advance(&mut self, connection: &mut Connection) -> NextStep {
        for _ in 0..MAX_STEPS {
            let next = match connection.stage {
                Stage::Idle | Stage::Head(_) => self.read_head(connection),
                Stage::Body(_) => self.read_body(connection),
                Stage::Deferred(_) => Some(self.finish_deferred(connection)),
                Stage::Responding(_) => self.send_on(connection),
                Stage::Lingering(_) => connection.skip(&mut self.responder.arrivals),
            };
            if let Some(next) = next {
                return next;
            }
        }
        come_back(connection)
    }

    /// A stream reads from the store as it goes.
    fn send_on(&self, connection: &mut Connection) -> Option<NextStep> {
        let transport = self.transport();
        let _blocking = transport.pool.block_in_place();
        connection.send_on(&transport.settings.timeouts)
    }

    fn read_head(&mut self, connection: &mut Connection) -> Option<NextStep> {
        if let Stage::Head(scanner) = &mut connection.stage {
            let limit = self.responder.transport.settings.max_head_bytes;
            match scanner.advance(&connection.input, limit) {
                Ok(Some(length)) => {
                    self.take_head(connection, length);
                    return None;
                }
                Ok(None) => {}
                Err(rejection) => {
                    self.responder.reject(connection, rejection);
                    return None;
                }
            }
        }
        let is_idle = matches!(connection.stage, Stage::Idle);
        match self.receive(connection) {
            None if is_idle => {
                let timeout = self.transport().settings.timeouts.request;
                connection.enter(Stage::Head(HeadScanner::default()), timeout);
                None
            }
            Some(NextStep::Park(_)) if is_idle && self.transport().is_stopping() => {
                Some(NextStep::Close(CloseReason::Shutdown))
            }
            next => next,
        }
    }

    /// Reads what has come; `None` when there is something new to look at.
    fn receive(&mut self, connection: &mut Connection) -> Option<NextStep> {
        match connection.receive(&mut self.responder.arrivals) {
            Received::Bytes(_) => None,
            Received::Nothing => Some(NextStep::Park(Interest::Readable)),
            Received::End if !matches!(connection.stage, Stage::Idle) => {
                self.responder.reject(connection, Rejection::Incomplete);
                None
            }
            Received::End => Some(NextStep::Close(CloseReason::Client)),
            Received::Broken => Some(NextStep::Close(CloseReason::Client)),
        }
    }

    /// Goes on from a complete head: to its response, or to its body.
    fn take_head(&mut self, connection: &mut Connection, length: usize) {
        let checked = framing::check(&connection.input[..length], &mut self.head);
        connection.input.drain(..length);
        let framing = match checked {
            Ok(framing) => framing,
            Err(rejection) => return self.responder.reject(connection, rejection),
        };
        if let Some(response) = self.respond_to_head(&framing, &connection.peer) {
            let framing = ResponseFraming::of(&framing).closing();
            return self.responder.send(connection, response, framing);
        }
        match framing.body {
            BodyLength::None => self.respond(connection, &framing, &[]),
            BodyLength::Exactly(length) if length <= connection.input.len() as u64 => {
                let rest = connection.input.split_off(length as usize);
                let body = mem::replace(&mut connection.input, rest);
                self.respond(connection, &framing, &body);
            }
            _ => self.await_body(connection, framing),
        }
    }

    /// The response to a request whose body won't be read, or should not be sent at all.
    fn respond_to_head(&self, framing: &RequestFraming, peer: &Peer) -> Option<Response> {
        let transport = self.transport();
        let limit = transport.settings.max_body_bytes as u64;
        let rejection = match (framing.expectation, framing.body) {
            (Expectation::Unknown, _) => Some(Rejection::Expectation),
            (_, BodyLength::Exactly(length)) if length > limit => Some(Rejection::BodyTooLarge),
            (Expectation::None, _) | (_, BodyLength::None) => return None,
            (Expectation::Continue, _) => None,
        };
        let unrouted = transport.handler.respond_unrouted(&self.head);
        unrouted.or_else(|| Some(transport.reject(rejection?, Some(&self.head), peer)))
    }

    fn await_body(&mut self, connection: &mut Connection, framing: RequestFraming) {
        let upload = Box::new(Upload::new(framing, mem::take(&mut self.head)));
        connection.enter(Stage::Body(upload), self.transport().settings.timeouts.request);
        if framing.expectation == Expectation::Continue && connection.input.is_empty() {
            // A client that can't take these bytes now has not read its last responses.
            let _ = socket::send_now(&connection.socket, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn read_body(&mut self, connection: &mut Connection) -> Option<NextStep> {
        let Stage::Body(upload) = &mut connection.stage else { return None };
        match upload.take(&mut connection.input, self.responder.transport.settings.max_body_bytes) {
            Ok(false) => self.receive(connection),
            Ok(true) => {
                let framing = upload.framing;
                let body = mem::take(&mut upload.body);
                self.head = mem::take(&mut upload.head);
                self.respond(connection, &framing, &body);
                None
            }
            Err(rejection) => {
                let unrouted = match rejection {
                    Rejection::BodyTooLarge => {
                        self.responder.transport.handler.respond_unrouted(&upload.head)
                    }
                    _ => None,
                };
                match unrouted {
                    Some(response) => self.responder.send_last(connection, response),
                    None => self.responder.reject(connection, rejection),
                }
                None
            }
        }
    }

    /// Responds to a complete request, whose head is at hand.
    fn respond(&mut self, connection: &mut Connection, request: &RequestFraming, body: &[u8]) {
        let framing = ResponseFraming::of(request);
        match self.handle(request.body, body, &connection.peer) {
            Ok(Outcome::Response(response)) => self.send(connection, response, framing),
            Ok(Outcome::Deferred(deferred)) => {
                let response = DeferredResponse { deferred, framing };
                connection.enter(Stage::Deferred(response), Duration::ZERO);
            }
            Err(rejection) => {
                let head = Some(&self.head);
                let response = self.transport().reject(rejection, head, &connection.peer);
                self.send(connection, response, framing.closing());
            }
        }
    }

    /// Makes and sends a deferred response. The thread then turns to other connections: it may
    /// have been woken up for theirs too, and the next request of this one, which may block,
    /// must not hold those up. Nor may pipelined orders keep all threads from other clients.
    fn finish_deferred(&mut self, connection: &mut Connection) -> NextStep {
        if !connection.is_due(Instant::now()) {
            return NextStep::Defer;
        }
        let stage = mem::replace(&mut connection.stage, Stage::Idle);
        let Stage::Deferred(DeferredResponse { deferred, framing }) = stage else {
            connection.stage = stage;
            return come_back(connection);
        };
        match catch_unwind(AssertUnwindSafe(|| deferred.finish())) {
            Ok(response) => self.send(connection, response, framing),
            Err(_) => {
                self.transport().metrics.connections.panics.inc();
                let response = self.transport().reject(Rejection::Panic, None, &connection.peer);
                self.send(connection, response, framing.closing());
            }
        }
        come_back(connection)
    }

    /// Sends a response; the last one of its connection while the server stops.
    fn send(&mut self, connection: &mut Connection, response: Response, framing: ResponseFraming) {
        let framing = if self.transport().is_stopping() { framing.closing() } else { framing };
        self.responder.send(connection, response, framing);
    }

    /// Takes the request at hand through the airlock to the handler.
    fn handle(
        &mut self,
        length: BodyLength,
        body: &[u8],
        peer: &Peer,
    ) -> Result<Outcome, Rejection> {
        let body = self.pass(length, body)?;
        let transport = self.transport();
        let _blocking = transport.pool.block_in_place();
        let respond = AssertUnwindSafe(|| transport.handler.respond(&self.head, &body, peer));
        catch_unwind(respond).map_err(|_| {
            transport.metrics.connections.panics.inc();
            Rejection::Panic
        })
    }

    /// An airlock that misbehaves is replaced, and the request tried once more.
    fn pass(&mut self, length: BodyLength, body: &[u8]) -> Result<Vec<u8>, Rejection> {
        for _ in 0..2 {
            if self.airlock.is_none() {
                self.airlock = self.reopen();
            }
            let Some(airlock) = &mut self.airlock else { return Err(Rejection::Airlock) };
            match airlock.pass(&self.head, length, body) {
                Ok(body) => return Ok(body),
                Err(error) => log::error!("the airlock broke: {error}"),
            }
            self.airlock = None;
        }
        Err(Rejection::Airlock)
    }

    fn reopen(&self) -> Option<Airlock> {
        let transport = self.transport();
        transport.metrics.connections.airlocks_rebuilt.inc();
        let settings = &transport.settings;
        Airlock::open(&settings.temp_dir, settings.airlock_bytes(), 1)
            .inspect_err(|error| log::error!("no new airlock: {error}"))
            .ok()?
            .pop()
    }
}

/// Parks a connection that may have more to do, so that the thread can serve others first.
fn come_back(connection: &Connection) -> NextStep {
    match connection.stage {
        Stage::Idle | Stage::Lingering(_) => NextStep::Park(Interest::Readable),
        Stage::Deferred(_) => NextStep::Defer,
        // Nearly always its socket can be written to, so its event comes as soon as the threads
        // have served the connections that are ready before it.
        _ => NextStep::Park(Interest::Writable),
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
pub(super) mod tests;
