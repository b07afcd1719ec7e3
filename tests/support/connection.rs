//! A client that takes nothing on trust: bytes in, and answers only as RFC 9112 frames them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::response::Response;

/// Against hangs only: nothing that is right takes this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Connection {
    stream: TcpStream,
    /// What has come and belongs to no answer yet.
    ahead: Vec<u8>,
}

/// Whether an answer may have a body; one to HEAD never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    HeadAndBody,
    HeadOnly,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, ahead: Vec::new() }
    }

    /// The service may answer and close before it has read all of it.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        match self.stream.write_all(bytes.as_ref()) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => panic!("nobody reads: {why}"),
            _ => {}
        }
    }

    /// The next final answer; interim ones (1xx) are skipped.
    #[track_caller]
    pub fn receive(&mut self, expect: Expect) -> Response {
        loop {
            let response = self.receive_one(expect);
            if response.status >= 200 {
                return response;
            }
        }
    }

    /// The next answer, interim or final.
    #[track_caller]
    pub fn receive_interim(&mut self) -> Response {
        self.receive_one(Expect::HeadAndBody)
    }

    /// All that comes until the service closes.
    #[track_caller]
    pub fn receive_until_closed(&mut self) -> Vec<u8> {
        while self.read_more() > 0 {}
        std::mem::take(&mut self.ahead)
    }

    /// Panics unless the service has closed without another byte.
    #[track_caller]
    pub fn assert_closed(&mut self) {
        assert!(self.ahead.is_empty(), "more came: {}", String::from_utf8_lossy(&self.ahead));
        let came = self.read_more();
        let rest = String::from_utf8_lossy(&self.ahead);
        assert!(came == 0, "more came instead of the end: {rest}");
    }

    #[track_caller]
    fn receive_one(&mut self, expect: Expect) -> Response {
        let head = self.take_head();
        let mut response = Response::parse_head(&head);
        let length = response.header("Content-Length");
        let chunked = response.header("Transfer-Encoding");
        let bodiless =
            expect == Expect::HeadOnly || matches!(response.status, 100..200 | 204 | 304);
        response.body = match (length, chunked) {
            (Some(_), Some(_)) => panic!("two framings at once: {head}"),
            (None, Some("chunked")) if bodiless => Vec::new(),
            (None, Some("chunked")) => self.take_chunks(),
            (None, Some(other)) => panic!("an unknown coding: {other}"),
            (None, None) if bodiless => Vec::new(),
            (None, None) => panic!("no framing: {head}"),
            (Some(length), None) => {
                let digits = length.bytes().all(|byte| byte.is_ascii_digit());
                assert!(digits && !length.is_empty(), "Content-Length: {length}");
                let length = if bodiless { 0 } else { length.parse().unwrap() };
                self.take(length)
            }
        };
        response
    }

    #[track_caller]
    fn take_head(&mut self) -> String {
        loop {
            if let Some(end) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.take(end + 4);
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.read_more() > 0, "closed amid a head: {}", self.ahead.escape_ascii());
        }
    }

    #[track_caller]
    fn take_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.take_line();
            let size = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("size {line:?}"));
            body.extend(self.take(size));
            assert_eq!(self.take_line(), "", "a chunk's end");
            if size == 0 {
                return body;
            }
        }
    }

    #[track_caller]
    fn take_line(&mut self) -> String {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(end);
                self.take(2);
                return String::from_utf8(line).unwrap();
            }
            assert!(self.read_more() > 0, "closed amid a line");
        }
    }

    #[track_caller]
    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            let missing = length - self.ahead.len();
            assert!(self.read_more() > 0, "closed {missing} bytes early");
        }
        let rest = self.ahead.split_off(length);
        std::mem::replace(&mut self.ahead, rest)
    }

    #[track_caller]
    fn read_more(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(read) => {
                self.ahead.extend_from_slice(&buffer[..read]);
                read
            }
            Err(why) if why.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(why) => panic!("no answer: {why}"),
        }
    }
}
