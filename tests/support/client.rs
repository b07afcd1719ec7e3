//! The tests' HTTP client: it sends any bytes, and believes only responses that RFC 9112 frames.
//!
//! Where a response breaks the protocol it panics. Where the connection breaks or ends, the
//! `try_` methods give an [`io::Error`] and the others panic.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::response::Response;

/// Ends tests that hang; right ones never take this long.
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Client {
    pub socket: TcpStream,
    /// Bytes that have come and belong to no response yet.
    ahead: Vec<u8>,
}

/// Whether a response may have a body; one to HEAD and an interim one never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    HeadAndBody,
    HeadOnly,
}

impl Client {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap()
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        Client::over(TcpStream::connect_timeout(&address, TIMEOUT)?)
    }

    /// Over a connection that the test has made its own way.
    pub fn over(socket: TcpStream) -> io::Result<Client> {
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        socket.set_nodelay(true)?;
        Ok(Client { socket, ahead: Vec::new() })
    }

    /// The service may respond and close before it has read all of it, but must not keep the
    /// client waiting.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        match self.try_send(bytes) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => panic!("nobody reads: {why}"),
            _ => {}
        }
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    /// Sends each byte by itself.
    #[track_caller]
    pub fn send_bytewise(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.send([*byte]));
    }

    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.read()
    }

    /// The next response with its body.
    #[track_caller]
    pub fn read(&mut self) -> Response {
        self.try_read().unwrap_or_else(|why| panic!("no response: {why}"))
    }

    #[track_caller]
    pub fn try_read(&mut self) -> io::Result<Response> {
        self.receive(Expect::HeadAndBody)
    }

    /// The next response where it has no body: to HEAD, `100 Continue`, or one whose body ends
    /// with the connection.
    #[track_caller]
    pub fn read_head(&mut self) -> Response {
        self.receive(Expect::HeadOnly).unwrap_or_else(|why| panic!("no head: {why}"))
    }

    /// All that comes until the service closes; a reset counts as a failure.
    #[track_caller]
    pub fn read_to_close(&mut self) -> Vec<u8> {
        self.try_read_to_close().unwrap_or_else(|why| panic!("not closed well: {why}"))
    }

    pub fn try_read_to_close(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.ahead);
        self.socket.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Panics unless the service closes without another byte.
    #[track_caller]
    pub fn assert_closed(&mut self) {
        let bytes = self.read_to_close();
        assert!(bytes.is_empty(), "more came instead of the end: {}", bytes.escape_ascii());
    }

    #[track_caller]
    fn receive(&mut self, expect: Expect) -> io::Result<Response> {
        let mut response = Response::parse_head(&self.take_head()?);
        let head = &response.head;
        let length = response.header("Content-Length");
        let chunked = response.header("Transfer-Encoding");
        let bodiless =
            expect == Expect::HeadOnly || matches!(response.status, 100..200 | 204 | 304);
        response.body = match (length, chunked) {
            (Some(_), Some(_)) => panic!("two framings at once: {head}"),
            (None, Some("chunked")) if bodiless => Vec::new(),
            (None, Some("chunked")) => self.take_chunks()?,
            (None, Some(other)) => panic!("an unknown coding: {other}"),
            (None, None) if bodiless => Vec::new(),
            (None, None) => panic!("no framing: {head}"),
            (Some(length), None) => {
                let digits = length.bytes().all(|byte| byte.is_ascii_digit());
                assert!(digits && !length.is_empty(), "Content-Length: {length}");
                let length = if bodiless { 0 } else { length.parse().unwrap() };
                self.take(length)?
            }
        };
        Ok(response)
    }

    #[track_caller]
    fn take_head(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.take(end + 4)?;
                return Ok(String::from_utf8(head).expect("a head is text"));
            }
            self.read_more()?;
        }
    }

    #[track_caller]
    fn take_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.take_line()?;
            let size = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("size {line:?}"));
            body.extend(self.take(size)?);
            assert_eq!(self.take_line()?, "", "a chunk's end");
            if size == 0 {
                return Ok(body);
            }
        }
    }

    #[track_caller]
    fn take_line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(end)?;
                self.take(2)?;
                return Ok(String::from_utf8(line).unwrap());
            }
            self.read_more()?;
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < length {
            self.read_more()?;
        }
        let rest = self.ahead.split_off(length);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    /// At least one byte.
    fn read_more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let count = self.socket.read(&mut buffer)?;
        if count == 0 {
            let came = self.ahead[..self.ahead.len().min(200)].escape_ascii();
            let why = format!("closed amid a response, after {came}");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        self.ahead.extend_from_slice(&buffer[..count]);
        Ok(())
    }
}
