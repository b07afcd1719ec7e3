//! The responder: writes responses to clients. Every thread that responds has one.

use std::sync::Arc;

use super::connection::{Connection, NextStep, Stage};
use super::outgoing::{After, Outgoing};
use super::protocol::encoder::{Encoder, ResponseFraming};
use super::protocol::framing::Persistence;
use super::rejection::Rejection;
use super::response::Response;
use super::transport::Transport;
use crate::clock::Clock;
use crate::metrics::CloseReason;
use crate::sys::poll::Interest;
use crate::sys::socket;

/// An encoder, and the buffers of a thread.
pub struct Responder {
    pub transport: Arc<Transport>,
    encoder: Encoder,
    output: Vec<u8>,
    /// Where a thread reads into; what has come is copied to its connection.
    pub arrivals: Vec<u8>,
}

/// Above this a thread's buffer is given back after use.
const KEPT_OUTPUT_BYTES: usize = 64 << 10;

impl Responder {
    pub fn new(transport: Arc<Transport>) -> Responder {
        let encoder = Encoder::new(Clock::system(), transport.settings.timeouts.idle);
        Responder { transport, encoder, output: Vec::new(), arrivals: Vec::new() }
    }

    /// Sends a response, or its beginning: the rest is left in the connection's stage.
    pub fn send(
        &mut self,
        connection: &mut Connection,
        response: Response,
        framing: ResponseFraming,
    ) {
        let framing = framing.for_body(&response.body);
        let after = match framing.persistence {
            Persistence::Close => After::Close,
            _ => After::Keep,
        };
        let stream = self.encoder.encode(response, framing, &mut self.output);
        let sent = match socket::send_now(&connection.socket, &self.output) {
            Ok(sent) => sent.unwrap_or(0),
            // The next send, or the linger, finds out.
            Err(_) => 0,
        };
        let timeouts = &self.transport.settings.timeouts;
        if sent == self.output.len() && stream.is_none() {
            connection.finish(after, timeouts);
        } else {
            let bytes = std::mem::take(&mut self.output);
            let outgoing = Box::new(Outgoing::new(bytes, sent, stream, after));
            connection.enter(Stage::Responding(outgoing), timeouts.request);
        }
        if self.output.capacity() > KEPT_OUTPUT_BYTES {
            self.output = Vec::new();
        }
    }

    /// Responds to what the transport rejects; the connection closes after it.
    pub fn reject(&mut self, connection: &mut Connection, rejection: Rejection) {
        let head = match &connection.stage {
            Stage::Body(upload) => Some(&upload.head),
            _ => None,
        };
        let response = self.transport.reject(rejection, head, &connection.peer);
        self.send_last(connection, response);
    }

    /// Sends a response after which the connection closes.
    pub fn send_last(&mut self, connection: &mut Connection, response: Response) {
        let framing = match &connection.stage {
            Stage::Body(upload) => ResponseFraming::of(&upload.framing).closing(),
            _ => ResponseFraming::last(),
        };
        self.send(connection, response, framing);
    }

    /// Deals with a connection whose deadline has passed.
    pub fn expire(&mut self, connection: &mut Connection) -> NextStep {
        match connection.stage {
            Stage::Idle => NextStep::Close(CloseReason::Idle),
            Stage::Lingering(_) => NextStep::Close(CloseReason::Answered),
            Stage::Deferred(_) => NextStep::Defer,
            Stage::Responding(_) => NextStep::Close(CloseReason::SlowReader),
            Stage::Head(_) | Stage::Body(_) => {
                self.reject(connection, Rejection::Timeout);
                match connection.stage {
                    Stage::Responding(_) => NextStep::Park(Interest::Writable),
                    _ => NextStep::Park(Interest::Readable),
                }
            }
        }
    }
}
