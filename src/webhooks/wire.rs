//! The connections of webhooks: to addresses that were checked, with our own certificates, and
//! with a deadline that no receiver can stretch by sending a byte now and then.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use crate::domain::webhook::{Host, WebhookUrl};
use crate::sys::dial::{self, STOP_CHECK};
use crate::sys::stop::Stop;

use super::trust::Trust;

/// Each of a connection's two buffers, in bytes: what an answer's head may take.
pub const BUFFER_BYTES: usize = 16 * 1024;

/// Makes the connections to one URL.
pub(super) struct Wire {
    pub url: WebhookUrl,
    pub trust: Trust,
    pub stop: Stop,
    /// Set once the attempt under way has a connection.
    pub is_connected: Arc<AtomicBool>,
}

impl Connector for Wire {
    type Out = Connection;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Connection>, Error> {
        let until = Instant::now() + time_of(&details.timeout);
        let socket = self.dial(&details.addrs, until)?;
        self.is_connected.store(true, Ordering::Relaxed);
        socket.set_nodelay(true)?;
        let socket = Socket { stream: socket, until, stop: self.stop.clone() };
        let stream = match details.needs_tls() {
            true => Stream::Encrypted(Box::new(self.encrypt(socket)?)),
            false => Stream::Plain(socket),
        };
        let buffers = LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES);
        let is_connected = Arc::clone(&self.is_connected);
        Ok(Some(Connection { buffers, stream, is_connected }))
    }
}

impl Wire {
    /// One address after the other, each with its share of the time that is left: one that never
    /// answers must not use up what the others need.
    fn dial(&self, addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
        let mut first_error = None;
        for (at, address) in addresses.iter().enumerate() {
            let left = until.saturating_duration_since(Instant::now());
            let share = left / (addresses.len() - at) as u32;
            match dial::connect(*address, Instant::now() + share, &self.stop) {
                Ok(stream) => return Ok(stream),
                Err(why) => {
                    let named = io::Error::new(why.kind(), format!("{address}: {why}"));
                    first_error = first_error.or(Some(named));
                }
            }
        }
        Err(first_error.unwrap_or_else(|| io::Error::other("the name has no address")))
    }

    fn encrypt(&self, socket: Socket) -> io::Result<StreamOwned<ClientConnection, Socket>> {
        let config = self.trust.config().map_err(io::Error::other)?;
        let name = match self.url.host() {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
        };
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }
}

/// A connection as the library drives it.
pub(super) struct Connection {
    buffers: LazyBuffers,
    stream: Stream,
    is_connected: Arc<AtomicBool>,
}

enum Stream {
    Plain(Socket),
    Encrypted(Box<StreamOwned<ClientConnection, Socket>>),
}

/// A socket on which every read and write ends at one moment, or with a stop.
struct Socket {
    stream: TcpStream,
    until: Instant,
    stop: Stop,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // A connection that was kept from the attempt before is one, too.
        self.is_connected.store(true, Ordering::Relaxed);
        self.stream.set_end(&timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write(output).map_err(|why| named(why, &timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.set_end(&timeout);
        let input = self.buffers.input_append_buf();
        let count = self.stream.read(input).map_err(|why| named(why, &timeout))?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        let socket = self.stream.socket();
        !socket.stop.is_set() && crate::sys::socket::is_quiet(&socket.stream)
    }

    fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Encrypted(_))
    }
}

impl Stream {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Encrypted(stream) => &mut stream.sock,
        }
    }

    fn set_end(&mut self, timeout: &NextTimeout) {
        self.socket().until = Instant::now() + time_of(timeout);
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Encrypted(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.write_all(bytes),
            Stream::Encrypted(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }
}

impl Socket {
    /// Waits in short pieces, so that a stop is noticed.
    fn piecewise<T>(
        &self,
        set_timeout: impl Fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut act: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            // Not `Interrupted`: whoever reads in a loop would try again.
            if self.stop.is_set() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            set_timeout(&self.stream, Some(left.min(STOP_CHECK)))?;
            match act(&self.stream) {
                Err(why) if is_pause(&why) => {}
                decided => return decided,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.piecewise(TcpStream::set_read_timeout, |mut stream| stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piecewise(TcpStream::set_write_timeout, |mut stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_pause(why: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(why.kind(), Interrupted | TimedOut | WouldBlock)
}

/// The library knows its own time-outs only.
fn named(why: io::Error, timeout: &NextTimeout) -> Error {
    match why.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(why),
    }
}

/// Bounded, whatever the library asks for.
fn time_of(timeout: &NextTimeout) -> Duration {
    (*timeout.after).min(Duration::from_secs(60))
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
