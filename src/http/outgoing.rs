//! A response that the client has not taken whole.

use std::net::TcpStream;
use std::time::Instant;

use super::protocol::encoder::BodyEncoder;
use crate::sys::socket;

/// What is left to send, and what follows.
pub struct Outgoing {
    pub bytes: Vec<u8>,
    /// How many of `bytes` are sent.
    pub sent: usize,
    /// What follows them.
    pub stream: Option<BodyEncoder>,
    pub after: After,
    /// When the socket last took a part of it, as it does when the client has acknowledged what
    /// was sent before.
    pub moved_at: Instant,
}

/// What follows a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Keep,
    Close,
}

/// How far a send came.
pub enum Sent {
    All,
    Part,
    Broken,
}

/// What a refill brought.
pub enum Refill {
    Piece,
    End,
    /// The response can't be completed.
    Cut,
}

impl Outgoing {
    pub fn new(bytes: Vec<u8>, sent: usize, stream: Option<BodyEncoder>, after: After) -> Outgoing {
        Outgoing { bytes, sent, stream, after, moved_at: Instant::now() }
    }

    /// Sends as much as the socket takes without waiting.
    pub fn send(&mut self, socket: &TcpStream) -> Sent {
        while self.sent < self.bytes.len() {
            match socket::send_now(socket, &self.bytes[self.sent..]) {
                Ok(Some(count)) => {
                    self.sent += count;
                    self.moved_at = Instant::now();
                }
                Ok(None) => return Sent::Part,
                Err(_) => return Sent::Broken,
            }
        }
        Sent::All
    }

    /// Makes the stream's next piece.
    pub fn refill(&mut self) -> Refill {
        let Some(stream) = &mut self.stream else { return Refill::End };
        self.bytes.clear();
        self.sent = 0;
        match stream.next(&mut self.bytes) {
            Ok(true) => {}
            Ok(false) => self.stream = None,
            Err(error) => {
                log::warn!("a response was cut short: {error}");
                return Refill::Cut;
            }
        }
        if self.bytes.is_empty() && self.stream.is_none() { Refill::End } else { Refill::Piece }
    }

    /// What it holds on to, in bytes.
    pub fn kept_bytes(&self) -> usize {
        self.bytes.capacity() + self.stream.as_ref().map_or(0, BodyEncoder::kept_bytes)
    }
}
