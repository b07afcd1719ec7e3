//! The socket's client: one request at a time, its response's body read as it comes.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::http::protocol::chunked::Decoder;

const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 16 << 10;
const READ_BYTES: usize = 64 << 10;

pub struct LocalClient {
    stream: UnixStream,
    input: Vec<u8>,
}

/// A response whose body is still to be read. It must be read to its end before the next
/// request.
pub struct LocalResponse<'c> {
    pub status: u16,
    client: &'c mut LocalClient,
    body: Body,
}

enum Body {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Box<Chunks>),
}

struct Chunks {
    decoder: Decoder,
    /// Decoded, and not given out yet.
    ready: Vec<u8>,
    is_complete: bool,
}

impl LocalClient {
    pub fn new(stream: UnixStream) -> LocalClient {
        LocalClient { stream, input: Vec::new() }
    }

    /// Bounds the wait for the next part of a response.
    pub fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))
    }

    /// Sends a request, with a JSON body where there is one. `target` is as in a request line.
    ///
    /// # Errors
    /// The connection broke, or what came is no response.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        body: Option<&[u8]>,
    ) -> io::Result<LocalResponse<'_>> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: local\r\n");
        if let Some(body) = body {
            request += "Content-Type: application/json\r\n";
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        self.stream.write_all(request.as_bytes())?;
        self.stream.write_all(body.unwrap_or_default())?;
        let (status, body) = self.read_head()?;
        Ok(LocalResponse { status, client: self, body })
    }

    fn read_head(&mut self) -> io::Result<(u16, Body)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            match response.parse(&self.input) {
                Ok(httparse::Status::Complete(length)) => {
                    let status = response.code.unwrap_or_default();
                    let body = body_of(status, response.headers)?;
                    self.input.drain(..length);
                    return Ok((status, body));
                }
                Ok(httparse::Status::Partial) if self.input.len() < MAX_HEAD_BYTES => {
                    if self.read()? == 0 {
                        return Err(cut());
                    }
                }
                _ => return Err(io::Error::other("what came is no HTTP response")),
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let start = self.input.len();
        self.input.resize(start + READ_BYTES, 0);
        let read = self.stream.read(&mut self.input[start..]);
        self.input.truncate(start + read.as_ref().map_or(0, |count| *count));
        read
    }
}

fn body_of(status: u16, headers: &[httparse::Header<'_>]) -> io::Result<Body> {
    let value = |name: &str| {
        let field = headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    if matches!(status, 204 | 304) {
        return Ok(Body::Length(0));
    }
    if value("Transfer-Encoding") == Some("chunked") {
        let (decoder, ready) = (Decoder::default(), Vec::new());
        return Ok(Body::Chunked(Box::new(Chunks { decoder, ready, is_complete: false })));
    }
    let length = value("Content-Length").and_then(|length| length.parse().ok());
    length.map(Body::Length).ok_or_else(|| io::Error::other("a response without a length"))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the response was cut short")
}

impl Read for LocalResponse<'_> {
    /// # Errors
    /// The response was cut short, among others.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::Length(0) => Ok(0),
            Body::Length(left) => {
                if self.client.input.is_empty() && self.client.read()? == 0 {
                    return Err(cut());
                }
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                let count = give(&mut self.client.input, &mut buffer[..most]);
                *left -= count as u64;
                Ok(count)
            }
            Body::Chunked(chunks) => {
                while chunks.ready.is_empty() && !chunks.is_complete {
                    chunks.advance(self.client)?;
                }
                Ok(give(&mut chunks.ready, buffer))
            }
        }
    }
}

impl Chunks {
    fn advance(&mut self, client: &mut LocalClient) -> io::Result<()> {
        if client.input.is_empty() && client.read()? == 0 {
            return Err(cut());
        }
        let progress = self
            .decoder
            .advance(&client.input, &mut self.ready, usize::MAX)
            .map_err(|_| io::Error::other("a chunk of the response can't be read"))?;
        client.input.drain(..progress.consumed);
        self.is_complete = progress.is_complete;
        Ok(())
    }
}

/// Moves as much as fits from `from` to `buffer`.
fn give(from: &mut Vec<u8>, buffer: &mut [u8]) -> usize {
    let count = from.len().min(buffer.len());
    buffer[..count].copy_from_slice(&from[..count]);
    from.drain(..count);
    count
}
