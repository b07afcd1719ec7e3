//! Writing a [`Response`]: by the library when its body is whole, by ourselves when it is
//! streamed or there is none. The library would buffer a stream for HTTP/1.0, end a failed one
//! as if it were whole, and put a length where none may be.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use tiny_http::{HTTPVersion, Header, Headers, Response as Printable, StatusCode};

use super::framing::{Persistence, RequestFraming, Version};
use crate::clock::{Clock, Timestamp};
use crate::http::response::{Body, Response, Stream};

/// How a response must look for the client that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFraming {
    pub version: Version,
    pub persistence: Persistence,
    /// To a HEAD: the header fields alone.
    pub head_only: bool,
}

impl ResponseFraming {
    pub fn of(request: &RequestFraming) -> ResponseFraming {
        ResponseFraming {
            version: request.version,
            persistence: request.persistence,
            head_only: request.head_only,
        }
    }

    /// For a request that could not be read; the connection closes after it.
    pub fn last() -> ResponseFraming {
        ResponseFraming {
            version: Version::Http11,
            persistence: Persistence::Close,
            head_only: false,
        }
    }

    /// The same, and the connection closes after it.
    pub fn closing(self) -> ResponseFraming {
        ResponseFraming { persistence: Persistence::Close, ..self }
    }

    /// A stream to HTTP/1.0 ends with the connection.
    pub fn for_body(self, body: &Body) -> ResponseFraming {
        match (body, self.version) {
            (Body::Stream(_), Version::Http10) => self.closing(),
            _ => self,
        }
    }
}

/// Frames a streamed body: in chunks, or to HTTP/1.0 as it is.
pub struct BodyEncoder {
    stream: Box<dyn Stream>,
    version: Version,
}

impl BodyEncoder {
    /// Appends the next piece, framed; false when it was the last.
    pub fn next(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let start = bytes.len();
        let more = self.stream.next(bytes)?;
        if self.version == Version::Http10 {
            return Ok(more);
        }
        let length = bytes.len() - start;
        if length > 0 {
            bytes.splice(start..start, format!("{length:x}\r\n").into_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        if !more {
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        Ok(more)
    }

    /// What it keeps between pieces, in bytes.
    pub fn kept_bytes(&self) -> usize {
        self.stream.kept_bytes()
    }
}

/// What a status is called (RFC 9110, 15).
pub fn reason_phrase(status: u16) -> &'static str {
    StatusCode(status).default_reason_phrase()
}

/// Writes responses, with the headers that all of them carry.
pub struct Encoder {
    clock: Clock,
    /// The date as last written, and its second.
    date: String,
    date_secs: u64,
    /// The lines that say that a connection is kept, and for how long.
    keep_alive: String,
}

/// How much earlier than its limit an idle connection is said to end: time for a request to
/// arrive that a client sends at the last moment.
const IDLE_MARGIN: Duration = Duration::from_secs(1);

impl Encoder {
    /// `idle` is for how long a connection is kept without a request.
    pub fn new(clock: Clock, idle: Duration) -> Encoder {
        let keep_alive = keep_alive_lines(idle);
        Encoder { clock, date: String::new(), date_secs: u64::MAX, keep_alive }
    }

    /// Writes `response` over `bytes`. A streamed body is returned, for the caller to send
    /// after.
    pub fn encode(
        &mut self,
        response: Response,
        framing: ResponseFraming,
        bytes: &mut Vec<u8>,
    ) -> Option<BodyEncoder> {
        self.set_date();
        bytes.clear();
        let Response { status, headers, body } = checked(response);
        let has_body = !matches!(status, 100..=199 | 204 | 304);
        let body: Cow<'static, [u8]> = match body {
            Body::Stream(stream) => {
                let coding = if has_body && framing.version == Version::Http11 {
                    "Transfer-Encoding: chunked\r\n"
                } else {
                    ""
                };
                self.write_head(status, &headers, coding, framing, bytes);
                let is_sent = has_body && !framing.head_only;
                return is_sent.then_some(BodyEncoder { stream, version: framing.version });
            }
            Body::Bytes(body) => body,
            Body::Empty => Cow::Borrowed(&[]),
        };
        if !has_body {
            self.write_head(status, &headers, "", framing, bytes);
        } else if self.write_by_library(status, &headers, &body, framing, bytes).is_err() {
            // Every header was checked, and a vector takes all.
            log::error!("the HTTP library would not write a response");
            bytes.clear();
        }
        None
    }

    fn write_by_library(
        &self,
        status: u16,
        headers: &[(&'static str, Cow<'static, str>)],
        body: &[u8],
        framing: ResponseFraming,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut list = Vec::with_capacity(headers.len() + 4);
        for (name, value) in self.common().into_iter().chain(pairs(headers)) {
            list.push(
                Header::from_bytes(name, value).map_err(|e| io::Error::other(e.to_string()))?,
            );
        }
        let length = Some(body.len());
        Printable::new(StatusCode(status), Headers::from(list), body, length, None)
            .with_chunked_threshold(usize::MAX)
            .raw_print(&mut *bytes, HTTPVersion(1, 1), None, framing.head_only, None)?;
        let lines = self.connection_lines(framing.persistence);
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            bytes.splice(end + 1..end + 1, lines.bytes());
        }
        Ok(())
    }

    fn write_head(
        &self,
        status: u16,
        headers: &[(&'static str, Cow<'static, str>)],
        coding: &str,
        framing: ResponseFraming,
        bytes: &mut Vec<u8>,
    ) {
        let mut put = |text: &str| bytes.extend_from_slice(text.as_bytes());
        put(&format!("HTTP/1.1 {status} {}\r\n", if status == 200 { "OK" } else { "" }));
        put(self.connection_lines(framing.persistence));
        for (name, value) in self.common().into_iter().chain(pairs(headers)) {
            for part in [name, ": ", value, "\r\n"] {
                put(part);
            }
        }
        put(coding);
        put("\r\n");
    }

    /// What the response says about its connection.
    fn connection_lines(&self, persistence: Persistence) -> &str {
        match persistence {
            Persistence::Keep if self.keep_alive.is_empty() => "",
            Persistence::KeepAndSay if self.keep_alive.is_empty() => KEEP,
            Persistence::Keep | Persistence::KeepAndSay => &self.keep_alive,
            Persistence::Close => "Connection: close\r\n",
        }
    }

    fn common(&self) -> [(&str, &str); 3] {
        [("Server", "orderd"), ("Date", &self.date), ("X-Content-Type-Options", "nosniff")]
    }

    fn set_date(&mut self) {
        let now: Timestamp = self.clock.now();
        if now.as_secs() != self.date_secs {
            // RFC 9110 5.6.7 differs from the mail's date in the name of the zone alone.
            self.date = now.to_rfc2822().replace("+0000", "GMT");
            self.date_secs = now.as_secs();
        }
    }
}

fn pairs<'h>(
    headers: &'h [(&'static str, Cow<'static, str>)],
) -> impl Iterator<Item = (&'h str, &'h str)> {
    headers.iter().map(|(name, value)| (*name, value.as_ref()))
}

/// The response, or a 500 in its place where a header would break the framing.
fn checked(response: Response) -> Response {
    let is_fine = |(name, value): &(&'static str, Cow<'static, str>)| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    };
    match response.headers.iter().find(|header| !is_fine(header)) {
        None => response,
        Some((name, _)) => {
            log::error!("a response had a byte in its header {name} that is not allowed there");
            Response::detail(500, "Internal Server Error")
        }
    }
}

const KEEP: &str = "Connection: keep-alive\r\n";

/// `Keep-Alive: timeout=` spares clients the race between their next request and the close at the
/// idle limit. It is about this connection alone, so `Connection` names it (RFC 9110 7.6.1).
/// Nothing where no whole second is left to tell of.
fn keep_alive_lines(idle: Duration) -> String {
    match idle.saturating_sub(IDLE_MARGIN).as_secs() {
        0 => String::new(),
        secs => format!("{KEEP}Keep-Alive: timeout={secs}\r\n"),
    }
}
