//! Waiting with epoll.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::{Interest, Woken};

/// The tokens that stand for [`Poll::close`] and for the bell; no socket has them.
const CLOSED: u64 = u64::MAX;
const RUNG: u64 = u64::MAX - 1;

/// An eventfd. It is in the set by its edge: each ring is one event, for one thread, and
/// nobody has to read it.
#[derive(Clone, Debug)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    pub fn new() -> io::Result<Bell> {
        Ok(Bell(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    pub fn ring(&self) {
        // Its counter is full after 2^64 rings.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// The set of watched sockets, shared by all threads that wait.
#[derive(Debug)]
pub struct Poll {
    set: OwnedFd,
    /// Its other end is in the set: hanging up wakes every thread that waits or will.
    alive: Mutex<Option<UnixStream>>,
    _end: UnixStream,
    _bell: Bell,
}

impl Poll {
    pub fn new(bell: &Bell) -> io::Result<Poll> {
        let set = epoll::create(CreateFlags::CLOEXEC)?;
        let (alive, end) = UnixStream::pair()?;
        epoll::add(&set, &end, EventData::new_u64(CLOSED), EventFlags::IN)?;
        let edge = EventFlags::IN | EventFlags::ET;
        epoll::add(&set, &*bell.0, EventData::new_u64(RUNG), edge)?;
        Ok(Poll { set, alive: Mutex::new(Some(alive)), _end: end, _bell: bell.clone() })
    }

    /// Takes a new socket into the set, armed.
    pub fn add(&self, socket: &TcpStream, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.set, socket, EventData::new_u64(token), flags(interest))?)
    }

    /// Arms a socket of the set again. If it is ready already, its event comes at once.
    pub fn arm(&self, socket: &TcpStream, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.set, socket, EventData::new_u64(token), flags(interest))?)
    }

    /// Forgets a socket that is about to be closed. Linux does so by the close itself.
    pub fn forget(&self, _token: u64) {}

    /// Waits until a socket is ready.
    pub fn wait(&self) -> io::Result<Woken> {
        let mut events = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }];
        loop {
            match epoll::wait(&self.set, &mut events, None) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) if events[0].data.u64() == CLOSED => return Ok(Woken::Closed),
                Ok(_) if events[0].data.u64() == RUNG => return Ok(Woken::ByWaker),
                Ok(_) => return Ok(Woken::Ready(events[0].data.u64())),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Wakes every thread that waits, now and later.
    pub fn close(&self) {
        *self.alive.lock() = None;
    }
}

fn flags(interest: Interest) -> EventFlags {
    EventFlags::ONESHOT
        | match interest {
            Interest::Readable => EventFlags::IN,
            Interest::Writable => EventFlags::OUT,
        }
}
