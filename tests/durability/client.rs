//! A client whose connection may break in the middle of anything.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::session::PATIENCE;

pub struct Client<'a> {
    stream: BufReader<TcpStream>,
    token: &'a str,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// `Idempotent-Replayed`, as it came.
    pub replayed: Option<String>,
    pub body: Value,
}

impl Client<'_> {
    pub fn connect(address: SocketAddr, token: &str) -> io::Result<Client<'_>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream), token })
    }

    /// An order; `header` is a whole line with its end, or nothing.
    ///
    /// # Errors
    /// The connection broke before the answer had come whole.
    pub fn order(&mut self, header: &str, success: bool) -> io::Result<Answer> {
        let (token, body) = (self.token, format!("{{\"success\":{success}}}"));
        let length = body.len();
        let request = format!(
            "POST /orders/create HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n{header}Content-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.receive()
    }

    fn receive(&mut self) -> io::Result<Answer> {
        let (mut status, mut replayed, mut length) = (0, None, 0);
        loop {
            let line = self.line()?;
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            }
            let Some((name, value)) = line.split_once(": ") else {
                if line.is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "idempotent-replayed" => replayed = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, replayed, body: serde_json::from_slice(&body)? })
    }

    /// Without its end; one that has none was cut off.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
