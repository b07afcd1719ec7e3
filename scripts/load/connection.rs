//! One connection of the generator.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use socket2::{Domain, Protocol, Socket, Type};

use crate::client::{self, RawResponse};
use crate::plan::{Exchange, Numbers};

/// A connection, and what it waits for.
pub struct Connection {
    pub socket: TcpStream,
    pub state: State,
    /// How many requests have been sent on it and on those that it replaces.
    pub sent: usize,
    input: Vec<u8>,
    filled: usize,
    last_number: u64,
}

#[derive(Clone, Copy, Debug)]
pub enum State {
    Connecting,
    Idle,
    Waiting {
        /// Index of the exchange in the plan.
        exchange: usize,
        /// When the request should have gone out; latency counts from then.
        due: Instant,
    },
    /// Closed, and not to be replaced.
    Closed,
}

/// The result of reading.
pub enum Progress {
    /// A part of the response is still missing.
    Partial,
    Answered(Ending),
    /// The server closed the connection while nothing was asked.
    Closed,
    Failed(String),
}

/// The kind of a response that is not wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Right,
    /// 503 with `Retry-After`: nothing was done, and the server said so.
    Rejected,
    /// Right, and the server closes the connection after it.
    RightAndLast,
}

const FIRST_INPUT_BYTES: usize = 4096;

impl Connection {
    /// Begins to connect, without waiting for it.
    pub fn open(address: SocketAddr, sent: usize) -> io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(why)
                if why.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(why) => return Err(why),
        }
        Ok(Connection {
            socket: socket.into(),
            state: State::Connecting,
            sent,
            input: vec![0; FIRST_INPUT_BYTES],
            filled: 0,
            last_number: 0,
        })
    }

    /// Ends the connecting; an error where it failed.
    pub fn connected(&mut self) -> io::Result<()> {
        if let Some(why) = self.socket.take_error()? {
            return Err(why);
        }
        self.state = State::Idle;
        Ok(())
    }

    /// Sends a request. It is short and nothing else is on its way, so the socket takes it whole.
    pub fn send(&mut self, request: &[u8], exchange: usize, due: Instant) -> io::Result<()> {
        self.sent += 1;
        self.state = State::Waiting { exchange, due };
        match self.socket.write(request) {
            Ok(count) if count == request.len() => Ok(()),
            Ok(_) => Err(io::Error::other("a request was sent only in part")),
            Err(why) => Err(why),
        }
    }

    /// Reads what has come, and checks the response once it is complete.
    pub fn receive(&mut self, asked: Option<&Exchange>) -> Progress {
        if self.filled == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
        match self.socket.read(&mut self.input[self.filled..]) {
            Ok(0) if asked.is_none() => Progress::Closed,
            Ok(0) => Progress::Failed("the server closed before its answer".into()),
            Ok(count) => {
                self.filled += count;
                self.judge(asked)
            }
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Progress::Partial
            }
            Err(_) if asked.is_none() => Progress::Closed,
            Err(why) => Progress::Failed(why.to_string()),
        }
    }

    fn judge(&mut self, asked: Option<&Exchange>) -> Progress {
        let Some(exchange) = asked else {
            return Progress::Failed("bytes that nobody asked for".into());
        };
        let answer = match client::parse(&self.input[..self.filled]) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Progress::Partial,
            Err(why) => return Progress::Failed(why),
        };
        if answer.length != self.filled {
            return Progress::Failed("bytes after the end of an answer".into());
        }
        match check(&answer, exchange, &mut self.last_number) {
            Ok(ending) => {
                self.filled = 0;
                self.state = State::Idle;
                Progress::Answered(ending)
            }
            Err(why) => Progress::Failed(why),
        }
    }
}

fn check(
    answer: &RawResponse<'_>,
    exchange: &Exchange,
    last_number: &mut u64,
) -> Result<Ending, String> {
    let text = || String::from_utf8_lossy(answer.body.get(..300).unwrap_or(answer.body));
    if answer.status == 503 && answer.has_retry_after {
        return Ok(Ending::Rejected);
    }
    if answer.status != 200 {
        return Err(format!("{} answered {} {}", exchange.name, answer.status, text()));
    }
    let Some(number) = exchange.shape.fit(answer.body) else {
        return Err(format!("{} answered in a wrong shape: {}", exchange.name, text()));
    };
    if exchange.numbers == Numbers::Rising && number <= *last_number {
        return Err(format!("{} answered {number} after {last_number}", exchange.name));
    }
    *last_number = number.max(*last_number);
    Ok(if answer.closes { Ending::RightAndLast } else { Ending::Right })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Site;
    use crate::plan;

    fn order() -> Exchange {
        plan::create(&Site { address: SocketAddr::from(([127, 0, 0, 1], 1)), token: None })
    }

    fn judged(status: u16, body: &[u8], last: u64) -> Result<Ending, String> {
        let (length, closes, has_retry_after) = (body.len(), false, false);
        let answer = RawResponse { status, body, length, closes, has_retry_after };
        check(&answer, &order(), &mut { last })
    }

    #[test]
    fn an_answer_is_wrong_by_its_status_its_shape_or_an_id_that_does_not_rise() {
        let body = br#"{"id":5,"user_id":1,"success":true,"created_at":"2026-11-22T10:00:00"}"#;
        assert_eq!(judged(200, body, 4), Ok(Ending::Right));
        assert!(judged(201, body, 4).is_err());
        assert!(judged(503, body, 4).is_err());
        assert!(judged(200, body, 5).is_err());
        assert!(judged(200, b"{}", 4).is_err());
    }
}
