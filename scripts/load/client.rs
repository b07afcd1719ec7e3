//! The load tests' HTTP/1.1 client, with no more of it than they need: requests as bytes, and
//! responses with a `Content-Length`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Value, json};

/// A longer response counts as wrong, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 16 << 20;
const MAX_HEADERS: usize = 32;
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// One complete response, in the buffer that it was read into.
pub struct RawResponse<'b> {
    pub status: u16,
    pub body: &'b [u8],
    /// Head and body, in bytes.
    pub length: usize,
    /// Whether the connection ends with it.
    pub closes: bool,
    pub has_retry_after: bool,
}

/// Reads the response that `bytes` begin with; none while a part of it is missing.
pub fn parse(bytes: &[u8]) -> Result<Option<RawResponse<'_>>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let head_length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() <= MAX_RESPONSE_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) => return Err("a head without end".into()),
        Err(why) => return Err(format!("not HTTP: {why}")),
    };
    let mut answer = RawResponse {
        status: head.code.unwrap_or_default(),
        body: &[],
        length: head_length,
        closes: false,
        has_retry_after: false,
    };
    let mut body_length = None;
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            body_length = std::str::from_utf8(header.value).ok().and_then(|it| it.parse().ok());
        } else if header.name.eq_ignore_ascii_case("connection") {
            answer.closes = header.value.eq_ignore_ascii_case(b"close");
        } else if header.name.eq_ignore_ascii_case("retry-after") {
            answer.has_retry_after = true;
        }
    }
    let body_length: usize = body_length.ok_or("an answer without a length")?;
    if body_length > MAX_RESPONSE_BYTES {
        return Err(format!("an answer of {body_length} bytes"));
    }
    answer.length += body_length;
    answer.body = bytes.get(head_length..answer.length).unwrap_or_default();
    Ok((bytes.len() >= answer.length).then_some(answer))
}

/// A server, and the user who asks it.
#[derive(Clone, Debug)]
pub struct Site {
    pub address: SocketAddr,
    pub token: Option<String>,
}

/// What a [`Site`] answered.
pub struct Response {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Site {
    /// `url` is `http://` and an address, without a path.
    pub fn at(url: &str) -> io::Result<Site> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let authority = authority.ok_or_else(|| wrong(format!("{url}: not an http:// URL")))?;
        let address = authority.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| wrong(format!("{url}: no such host")))?;
        Ok(Site { address, token: None })
    }

    /// The same, for the user of that name.
    pub fn login(mut self, username: &str, password: &str) -> io::Result<Site> {
        self.token = None;
        let body = json!({"username": username, "password": password});
        let answer = self.post("/auth/login", &body)?.require(200, "POST /auth/login")?;
        let token = answer.json()["access_token"].as_str().map(str::to_owned);
        self.token = Some(token.ok_or_else(|| wrong("the login gave no token".into()))?);
        Ok(self)
    }

    /// Makes a new user; gives the same server for that user.
    pub fn newcomer(&self) -> io::Result<Site> {
        let (username, password) = self.register()?;
        self.clone().login(&username, &password)
    }

    /// Makes a new user; gives the name and the password.
    pub fn register(&self) -> io::Result<(String, String)> {
        let name = format!("load-{:012x}", fastrand::u64(..) >> 16);
        let password = format!("Aa1-{:016x}", fastrand::u64(..));
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": password});
        self.post("/auth/register", &body)?.require(200, "POST /auth/register")?;
        Ok((name, password))
    }

    /// A request's bytes.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = &self.token {
            text += &format!("Authorization: Bearer {token}\r\n");
        }
        match body.map(Value::to_string) {
            Some(body) => {
                let length = body.len();
                text += &format!(
                    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                );
            }
            None => text += "\r\n",
        }
        text.into_bytes()
    }

    pub fn get(&self, path: &str) -> io::Result<Response> {
        self.call(&self.request("GET", path, None))
    }

    pub fn post(&self, path: &str, body: &Value) -> io::Result<Response> {
        self.call(&self.request("POST", path, Some(body)))
    }

    /// One request on a connection of its own.
    pub fn call(&self, request: &[u8]) -> io::Result<Response> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_read_timeout(Some(CALL_TIMEOUT))?;
        socket.write_all(request)?;
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            if let Some(answer) = parse(&bytes).map_err(wrong)? {
                let head = &bytes[..answer.length - answer.body.len()];
                return Ok(Response {
                    status: answer.status,
                    head: String::from_utf8_lossy(head).to_ascii_lowercase(),
                    body: answer.body.to_vec(),
                });
            }
            match socket.read(&mut piece)? {
                0 => return Err(wrong("the server closed before its answer".into())),
                count => bytes.extend_from_slice(&piece[..count]),
            }
        }
    }
}

impl Response {
    pub fn require(self, status: u16, what: &str) -> io::Result<Response> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(wrong(format!("{what} answered {} {body}", self.status)))
    }

    /// Null where the body is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value in lower case, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub fn wrong(why: String) -> io::Error {
    io::Error::other(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there() {
        let bytes = b"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\ncontent-length: 2\r\n\r\nokHTTP";
        for cut in 0..bytes.len() - 4 {
            assert!(parse(&bytes[..cut]).unwrap().is_none(), "{cut}");
        }
        let answer = parse(bytes).unwrap().unwrap();
        assert_eq!((answer.status, answer.body, answer.length), (429, &b"ok"[..], bytes.len() - 4));
        assert!(answer.has_retry_after && !answer.closes);
    }

    #[test]
    fn an_answer_without_a_length_or_out_of_form_is_wrong() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").is_err());
        assert!(parse(b"nonsense\r\n\r\n").is_err());
    }
}
