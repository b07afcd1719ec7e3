//! A client that sees bytes.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Against hangs only: nothing that is right takes this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    pub socket: TcpStream,
    /// What came after the last answer that was read.
    rest: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Up to and with the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| {
            line.split_once(": ").is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        self.head.lines().find(is_it).and_then(|line| line.split_once(": ")).map(|(_, v)| v)
    }
}

impl Client {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap()
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        Client::over(TcpStream::connect_timeout(&address, PATIENCE)?)
    }

    pub fn over(socket: TcpStream) -> io::Result<Client> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { socket, rest: Vec::new() })
    }

    /// Sends as much as the server takes: it may have answered and closed before the end.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    pub fn send_bytewise(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
        }
    }

    #[track_caller]
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        self.read()
    }

    /// Reads the answer to `GET /constant`.
    #[track_caller]
    pub fn assert_constant(&mut self) {
        self.assert_good("{}");
    }

    /// Reads one answer, which is 200 and this body.
    #[track_caller]
    pub fn assert_good(&mut self, body: &str) {
        let answer = self.read();
        assert_eq!((answer.status, answer.text().as_str()), (200, body), "{answer:?}");
    }

    /// Reads one answer with a body.
    #[track_caller]
    pub fn read(&mut self) -> Answer {
        self.try_read().unwrap()
    }

    pub fn try_read(&mut self) -> io::Result<Answer> {
        let mut answer = self.read_head()?;
        answer.body = match (answer.header("Content-Length"), answer.header("Transfer-Encoding")) {
            (Some(length), _) => {
                let length = length.parse().map_err(io::Error::other)?;
                self.fill(length)?;
                self.rest.drain(..length).collect()
            }
            (None, Some(_)) => self.read_chunks()?,
            (None, None) => Vec::new(),
        };
        Ok(answer)
    }

    /// Reads an answer that has no body: to a HEAD, or `100 Continue`.
    pub fn read_head(&mut self) -> io::Result<Answer> {
        let end = loop {
            match self.rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.fill(self.rest.len() + 1)?,
            }
        };
        let head = String::from_utf8(self.rest.drain(..end).collect()).map_err(io::Error::other)?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(head.clone()))?;
        Ok(Answer { status, head, body: Vec::new() })
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match self.rest.windows(2).position(|bytes| bytes == b"\r\n") {
                    Some(at) => break at,
                    None => self.fill(self.rest.len() + 1)?,
                }
            };
            let size = std::str::from_utf8(&self.rest[..end]).map_err(io::Error::other)?;
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            self.fill(end + 2 + size + 2)?;
            body.extend_from_slice(&self.rest[end + 2..end + 2 + size]);
            self.rest.drain(..end + 2 + size + 2);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = [0; 65536];
        while self.rest.len() < length {
            match self.socket.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.rest.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(())
    }

    /// Reads all that still comes, up to the close; a reset counts as a failure.
    #[track_caller]
    pub fn read_to_close(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.rest);
        self.socket.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[track_caller]
    pub fn assert_closed(&mut self) {
        assert_eq!(self.read_to_close(), "");
    }
}

/// Thousands of connections need as many descriptors, and where both ends are in this process
/// twice as many.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if std::env::var_os("KEEP_DESCRIPTOR_LIMIT").is_none() {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}
