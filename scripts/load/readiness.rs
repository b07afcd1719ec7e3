//! Which connections have something to read: epoll on Linux, `poll` elsewhere.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub use with_epoll::Readiness;
#[cfg(not(target_os = "linux"))]
pub use with_poll::Readiness;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// To be connected.
    Connected,
    /// To have bytes, or to be closed.
    Readable,
}

fn timespec(limit: Duration) -> rustix::event::Timespec {
    rustix::event::Timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ }
}

#[cfg(target_os = "linux")]
mod with_epoll {
    use std::os::fd::OwnedFd;

    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
    use rustix::io::Errno;

    use super::*;

    const EVENTS: usize = 256;

    pub struct Readiness {
        set: OwnedFd,
        events: Vec<Event>,
    }

    impl Readiness {
        pub fn new() -> io::Result<Readiness> {
            let set = epoll::create(CreateFlags::CLOEXEC)?;
            Ok(Readiness { set, events: Vec::with_capacity(EVENTS) })
        }

        /// Adds a socket, or changes what it waits for. Closing it ends the watch.
        pub fn watch(
            &mut self,
            socket: &TcpStream,
            index: usize,
            what: Interest,
        ) -> io::Result<()> {
            let data = EventData::new_u64(index as u64);
            match what {
                Interest::Connected => epoll::add(&self.set, socket, data, EventFlags::OUT)?,
                Interest::Readable => epoll::modify(&self.set, socket, data, EventFlags::IN)?,
            }
            Ok(())
        }

        /// Waits, `limit` at most, and puts the indexes of what is ready into `ready`.
        pub fn wait(&mut self, limit: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
            self.events.clear();
            ready.clear();
            let limit = timespec(limit);
            match epoll::wait(&self.set, spare_capacity(&mut self.events), Some(&limit)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(why) => return Err(why.into()),
            }
            ready.extend(self.events.iter().map(|event| event.data.u64() as usize));
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod with_poll {
    use std::collections::BTreeMap;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    use super::*;

    /// Each wait costs time in proportion to the connections; good enough to try things out.
    pub struct Readiness {
        watched: BTreeMap<usize, (TcpStream, Interest)>,
    }

    impl Readiness {
        pub fn new() -> io::Result<Readiness> {
            Ok(Readiness { watched: BTreeMap::new() })
        }

        pub fn watch(
            &mut self,
            socket: &TcpStream,
            index: usize,
            what: Interest,
        ) -> io::Result<()> {
            self.watched.insert(index, (socket.try_clone()?, what));
            Ok(())
        }

        pub fn wait(&mut self, limit: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
            let flags = |what| match what {
                Interest::Connected => PollFlags::OUT,
                Interest::Readable => PollFlags::IN,
            };
            let sockets = self.watched.values();
            let mut fds: Vec<_> = sockets.map(|(it, what)| PollFd::new(it, flags(*what))).collect();
            ready.clear();
            match poll(&mut fds, Some(&timespec(limit))) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(why) => return Err(why.into()),
            }
            let found = self.watched.keys().zip(&fds);
            ready.extend(found.filter(|(_, fd)| !fd.revents().is_empty()).map(|(index, _)| *index));
            Ok(())
        }
    }
}
