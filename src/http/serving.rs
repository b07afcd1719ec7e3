//! Serving: what stands behind the transport, what its threads share, and how they answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::answer::{Answer, Pending};
use super::connection::{After, Connection, NextStep, Outgoing, Peer, Stage, Timeouts};
use super::encoder::{Printer, ResponseFraming};
use super::framing::Persistence;
use super::head::{self, Head};
use super::parking::Parking;
use super::rejection::Rejection;
use super::response::Response;
use super::thread_pool::ThreadPool;
use crate::clock::Clock;
use crate::metrics::{CloseReason, Counter, Metrics};
use crate::store::SettledCall;
use crate::sys::poll::Interest;
use crate::sys::socket;

/// What stands behind the transport: the route table.
pub trait Service: Send + Sync + 'static {
    /// Asked once the head is complete, and before a body is dealt with that is too large or
    /// comes with an expectation: the answer for a target that no route takes (404, 405, 307).
    /// A request that is turned away here never reaches [`Service::answer`]. Must not block.
    fn turn_away(&self, head: &Head) -> Option<Response>;

    /// The answer to a complete request, or its beginning. Runs on a serving thread; may block
    /// on the store. The request has the body, and no header fields: those are in `head`.
    fn answer(&self, head: &Head, request: &mut tiny_http::Request, peer: &Peer) -> Answer;

    /// The rest of an answer that [`Service::answer`] has begun, once it is settled. Runs on a
    /// serving thread. A service that always answers at once needs neither this nor the next.
    fn complete(&self, _pending: Pending) -> Response {
        unreachable!("no answer was begun")
    }

    /// Given once, at the start: `call` is to be called whenever answers have been settled.
    fn call_when_settled(&self, _call: SettledCall) {}

    /// The answer to what the front door refuses, with the head if it got that far. Must not
    /// block: the door itself asks, too.
    fn refuse(&self, rejection: Rejection, head: Option<&Head>, peer: &Peer) -> Response;
}

/// What the serving threads, the door and the janitor share.
pub struct Shared {
    pub service: Arc<dyn Service>,
    pub parking: Arc<Parking>,
    pub thread_pool: ThreadPool,
    pub metrics: Arc<Metrics>,
    pub timeouts: Timeouts,
    pub max_head_bytes: usize,
    pub max_body_bytes: usize,
    pub threads: usize,
    pub temp_dir: PathBuf,
    /// Set once: no connection is kept after its present answer.
    pub stopping: AtomicBool,
    /// One for each [`Rejection`], in their order.
    pub rejections: Vec<Counter>,
}

impl Shared {
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The longest canonical request.
    pub fn airlock_bytes(&self) -> usize {
        self.max_head_bytes + head::MAX_GROWTH_BYTES + self.max_body_bytes
    }

    pub fn rejection(&self, rejection: Rejection, head: Option<&Head>, peer: &Peer) -> Response {
        self.rejections[rejection as usize].inc();
        // The door and the janitor ask too, and no request may cost them their thread.
        let response =
            catch_unwind(AssertUnwindSafe(|| self.service.refuse(rejection, head, peer)));
        response.unwrap_or_else(|_| {
            self.metrics.connections.panics.inc();
            Response::detail(rejection.status(), rejection.text())
        })
    }

    /// Ends what a thread, or the janitor, has done with a connection.
    pub fn settle(&self, connection: Box<Connection>, next_step: NextStep) {
        match next_step {
            NextStep::Park(interest) => self.parking.park(connection, interest),
            NextStep::Await => self.parking.await_settling(connection),
            NextStep::Close(reason) => connection.close(reason),
        }
    }
}

/// Puts answers on the encoder. Every thread that answers has one.
pub struct Responder {
    pub shared: Arc<Shared>,
    printer: Printer,
    output: Vec<u8>,
    /// Where a thread reads into; what has come is copied to its connection.
    pub arrivals: Vec<u8>,
}

/// Above this a thread's buffer is given back after use.
const KEPT_OUTPUT_BYTES: usize = 64 << 10;

impl Responder {
    pub fn new(shared: Arc<Shared>) -> Responder {
        let printer = Printer::new(Clock::system());
        Responder { shared, printer, output: Vec::new(), arrivals: Vec::new() }
    }

    /// Sends an answer, or its beginning: the rest is left in the connection's stage.
    pub fn send(&mut self, connection: &mut Connection, response: Response, form: ResponseFraming) {
        let form = form.for_body(&response.body);
        let after = match form.persistence {
            Persistence::Close => After::Close,
            _ => After::Keep,
        };
        let stream = self.printer.print(response, form, &mut self.output);
        let sent = match socket::send_now(&connection.socket, &self.output) {
            Ok(sent) => sent.unwrap_or(0),
            // The next send, or the linger, finds out.
            Err(_) => 0,
        };
        if sent == self.output.len() && stream.is_none() {
            connection.finish(after, &self.shared.timeouts);
        } else {
            let bytes = std::mem::take(&mut self.output);
            let outgoing = Box::new(Outgoing { bytes, sent, stream, after });
            connection.enter(Stage::Answering(outgoing), self.shared.timeouts.request);
        }
        if self.output.capacity() > KEPT_OUTPUT_BYTES {
            self.output = Vec::new();
        }
    }

    /// Answers what the front door doesn't let in; the connection closes after it.
    pub fn refuse(&mut self, connection: &mut Connection, rejection: Rejection) {
        let head = match &connection.stage {
            Stage::Body(upload) => Some(&upload.head),
            _ => None,
        };
        let response = self.shared.rejection(rejection, head, &connection.peer);
        self.send_last(connection, response);
    }

    /// Sends an answer after which the connection closes.
    pub fn send_last(&mut self, connection: &mut Connection, response: Response) {
        let form = match &connection.stage {
            Stage::Body(upload) => ResponseFraming::of(&upload.framing),
            _ => ResponseFraming::last(),
        };
        self.send(
            connection,
            response,
            ResponseFraming { persistence: Persistence::Close, ..form },
        );
    }

    /// Deals with a connection whose deadline has passed.
    pub fn expire(&mut self, connection: &mut Connection) -> NextStep {
        match connection.stage {
            Stage::Idle => NextStep::Close(CloseReason::Idle),
            Stage::Lingering(_) => NextStep::Close(CloseReason::Answered),
            Stage::Awaiting(_) => NextStep::Await,
            Stage::Answering(_) => NextStep::Close(CloseReason::SlowReader),
            Stage::Head(_) | Stage::Body(_) => {
                self.refuse(connection, Rejection::Timeout);
                match connection.stage {
                    Stage::Answering(_) => NextStep::Park(Interest::Writable),
                    _ => NextStep::Park(Interest::Readable),
                }
            }
        }
    }
}
