//! A response: a status, headers, and a body that is whole or streamed.

use std::borrow::Cow;
use std::io;

/// A response that isn't sent yet. The transport adds `Content-Length` or the framing of a
/// stream, `Connection: close` where the connection ends, and the headers that every
/// response carries.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    pub body: Body,
}

pub enum Body {
    Empty,
    Bytes(Cow<'static, [u8]>),
    /// Of unknown length, sent as it is made.
    Stream(Box<dyn Stream>),
}

/// A body that is made piece by piece.
pub trait Stream: Send {
    /// Appends the next piece to `buffer`; false when there is none left. After an error the
    /// client can see that the response was cut: the last chunk is never sent.
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool>;

    /// About how much it keeps from one piece to the next, in bytes. It counts towards what
    /// unread responses may keep together.
    fn kept_bytes(&self) -> usize;
}

impl Response {
    pub fn new(status: u16) -> Response {
        Response { status, headers: Vec::new(), body: Body::Empty }
    }

    /// A body of compact JSON.
    pub fn json(status: u16, body: Vec<u8>) -> Response {
        Response::new(status).header("Content-Type", "application/json").bytes(body)
    }

    /// `{"detail": text}`. `text` is a literal of ours: it is not escaped.
    pub fn detail(status: u16, text: &'static str) -> Response {
        Response::json(status, format!("{{\"detail\":\"{text}\"}}").into_bytes())
    }

    /// Adds a header. A value with a control character, which would break the framing, turns
    /// the whole response into a 500 when it is sent.
    pub fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    pub fn bytes(mut self, body: impl Into<Cow<'static, [u8]>>) -> Response {
        self.body = Body::Bytes(body.into());
        self
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Body::Stream(_) => f.write_str("Stream"),
        }
    }
}
