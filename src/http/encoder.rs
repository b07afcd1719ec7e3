//! Printing a [`Response`]: by the library when its body is at hand, by ourselves when it is
//! streamed or has none. The library would buffer a stream for HTTP/1.0, end a failed one
//! as if it were whole, and put a length where none may be.

use std::borrow::Cow;
use std::io;

use tiny_http::{HTTPVersion, Header, Headers, Response as Printable, StatusCode};

use super::framing::{Persistence, RequestFraming, Version};
use super::response::{Body, Response, Stream};
use crate::clock::{Clock, Timestamp};

/// How an answer must look for the client that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFraming {
    pub version: Version,
    pub persistence: Persistence,
    /// To a HEAD: the header fields alone.
    pub head_only: bool,
}

impl ResponseFraming {
    pub fn of(framing: &RequestFraming) -> ResponseFraming {
        ResponseFraming {
            version: framing.version,
            persistence: framing.persistence,
            head_only: framing.head_only,
        }
    }

    /// For a request that could not be read.
    pub fn last() -> ResponseFraming {
        ResponseFraming {
            version: Version::Http11,
            persistence: Persistence::Close,
            head_only: false,
        }
    }

    /// A stream to HTTP/1.0 ends with the connection.
    pub fn for_body(self, body: &Body) -> ResponseFraming {
        match (body, self.version) {
            (Body::Stream(_), Version::Http10) => {
                ResponseFraming { persistence: Persistence::Close, ..self }
            }
            _ => self,
        }
    }
}

/// A stream on its way, and how its end is marked.
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

/// Prints answers, with the headers that all of them carry.
pub struct Printer {
    clock: Clock,
    /// The date as last printed, and its second.
    date: String,
    date_secs: u64,
}

impl Printer {
    pub fn new(clock: Clock) -> Printer {
        Printer { clock, date: String::new(), date_secs: u64::MAX }
    }

    /// Prints `response` over `bytes`. A streamed body is returned, for the caller to send after.
    pub fn print(
        &mut self,
        response: Response,
        form: ResponseFraming,
        bytes: &mut Vec<u8>,
    ) -> Option<BodyEncoder> {
        self.set_date();
        bytes.clear();
        let response = check(response);
        let has_body = !matches!(response.status, 100..=199 | 204 | 304);
        let body: Cow<'static, [u8]> = match response.body {
            Body::Stream(stream) => {
                let framing = if has_body && form.version == Version::Http11 {
                    "Transfer-Encoding: chunked\r\n"
                } else {
                    ""
                };
                self.print_head(response.status, &response.headers, framing, form, bytes);
                let is_sent = has_body && !form.head_only;
                return is_sent.then(|| BodyEncoder { stream, version: form.version });
            }
            Body::Bytes(body) => body,
            Body::Empty => Cow::Borrowed(&[]),
        };
        if !has_body {
            self.print_head(response.status, &response.headers, "", form, bytes);
        } else if self
            .print_by_library(response.status, &response.headers, &body, form, bytes)
            .is_err()
        {
            // Every header was checked, and a vector takes all.
            log::error!("the HTTP library would not print an answer");
            bytes.clear();
        }
        None
    }

    fn print_by_library(
        &self,
        status: u16,
        headers: &[(&'static str, Cow<'static, str>)],
        body: &[u8],
        form: ResponseFraming,
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
            .raw_print(&mut *bytes, HTTPVersion(1, 1), None, form.head_only, None)?;
        if let Some(line) = connection_line(form.persistence)
            && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        {
            bytes.splice(end + 1..end + 1, line.bytes());
        }
        Ok(())
    }

    fn print_head(
        &self,
        status: u16,
        headers: &[(&'static str, Cow<'static, str>)],
        framing: &str,
        form: ResponseFraming,
        bytes: &mut Vec<u8>,
    ) {
        let mut put = |text: &str| bytes.extend_from_slice(text.as_bytes());
        put(&format!("HTTP/1.1 {status} {}\r\n", if status == 200 { "OK" } else { "" }));
        put(connection_line(form.persistence).unwrap_or_default());
        for (name, value) in self.common().into_iter().chain(pairs(headers)) {
            for part in [name, ": ", value, "\r\n"] {
                put(part);
            }
        }
        put(framing);
        put("\r\n");
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

/// A header that would break the answer's framing makes it a 500 instead.
fn check(response: Response) -> Response {
    let is_fine = |(name, value): &(&'static str, Cow<'static, str>)| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    };
    match response.headers.iter().find(|header| !is_fine(header)) {
        None => response,
        Some((name, _)) => {
            log::error!("an answer had a byte in its header {name} that may not be there");
            Response::detail(500, "Internal Server Error")
        }
    }
}

fn connection_line(persistence: Persistence) -> Option<&'static str> {
    match persistence {
        Persistence::Keep => None,
        Persistence::KeepAndSay => Some("Connection: keep-alive\r\n"),
        Persistence::Close => Some("Connection: close\r\n"),
    }
}
