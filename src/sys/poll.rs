//! Waiting for many sockets at once: epoll on Linux, `poll` elsewhere.
//!
//! A socket is watched once: after its event it is silent until it is armed again,
//! so one thread at a time has it, however many wait.

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    Readable,
    Writable,
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The socket armed with this token is ready, or its other side is gone.
    Ready(u64),
    /// [`Poll::ring`] was called.
    Rung,
    /// [`Poll::close`] was called.
    Closed,
}

#[cfg(target_os = "linux")]
pub use epoll::Poll;
#[cfg(not(target_os = "linux"))]
pub use portable::Poll;

/// The tokens that stand for [`Poll::close`] and [`Poll::ring`]; no socket has them.
#[cfg(target_os = "linux")]
const CLOSED: u64 = u64::MAX;
#[cfg(target_os = "linux")]
const RUNG: u64 = u64::MAX - 1;

#[cfg(target_os = "linux")]
mod epoll {
    use std::io;
    use std::net::TcpStream;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::sync::Mutex;

    use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::io::Errno;

    use super::{CLOSED, Interest, RUNG, Woken};

    /// The set of watched sockets, shared by all threads that wait.
    #[derive(Debug)]
    pub struct Poll {
        set: OwnedFd,
        /// Its other end is in the set: hanging up wakes every thread that waits or will.
        alive: Mutex<Option<UnixStream>>,
        _end: UnixStream,
        bell: OwnedFd,
    }

    impl Poll {
        pub fn new() -> io::Result<Poll> {
            let set = epoll::create(CreateFlags::CLOEXEC)?;
            let (alive, end) = UnixStream::pair()?;
            epoll::add(&set, &end, EventData::new_u64(CLOSED), EventFlags::IN)?;
            let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
            // By its edge: each ring is one event, for one thread, and nobody has to read it.
            let edge = EventFlags::IN | EventFlags::ET;
            epoll::add(&set, &bell, EventData::new_u64(RUNG), edge)?;
            Ok(Poll { set, alive: Mutex::new(Some(alive)), _end: end, bell })
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
                    Ok(_) if events[0].data.u64() == RUNG => return Ok(Woken::Rung),
                    Ok(_) => return Ok(Woken::Ready(events[0].data.u64())),
                    Err(error) => return Err(error.into()),
                }
            }
        }

        /// Wakes one thread that waits, or the next that will.
        pub fn ring(&self) {
            // Its counter is full after 2^64 rings.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }

        /// Wakes every thread that waits, now and later.
        pub fn close(&self) {
            *self.alive.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        }
    }

    fn flags(interest: Interest) -> EventFlags {
        EventFlags::ONESHOT
            | match interest {
                Interest::Readable => EventFlags::IN,
                Interest::Writable => EventFlags::OUT,
            }
    }
}

/// One of the waiting threads polls for all; the others queue for what it finds.
/// It costs a second descriptor for each watched socket, and time that grows with them.
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod portable {
    use std::collections::{HashMap, VecDeque};
    use std::io::{self, Read, Write};
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;
    use std::sync::{Mutex, MutexGuard};

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    use super::{Interest, Woken};

    /// The set of watched sockets, shared by all threads that wait.
    #[derive(Debug)]
    pub struct Poll {
        watched: Mutex<Watched>,
        /// Held by the thread that polls; it hands out what is ready one by one.
        ready: Mutex<VecDeque<u64>>,
        bell: UnixStream,
        ringer: UnixStream,
    }

    #[derive(Debug, Default)]
    struct Watched {
        sockets: HashMap<u64, (TcpStream, Interest)>,
        rung: bool,
        closed: bool,
    }

    impl Poll {
        pub fn new() -> io::Result<Poll> {
            let (bell, ringer) = UnixStream::pair()?;
            bell.set_nonblocking(true)?;
            ringer.set_nonblocking(true)?;
            Ok(Poll { watched: Mutex::default(), ready: Mutex::default(), bell, ringer })
        }

        pub fn add(&self, socket: &TcpStream, token: u64, interest: Interest) -> io::Result<()> {
            self.arm(socket, token, interest)
        }

        pub fn arm(&self, socket: &TcpStream, token: u64, interest: Interest) -> io::Result<()> {
            let copy = socket.try_clone()?;
            lock(&self.watched).sockets.insert(token, (copy, interest));
            self.look_again();
            Ok(())
        }

        pub fn forget(&self, token: u64) {
            lock(&self.watched).sockets.remove(&token);
            self.look_again();
        }

        pub fn wait(&self) -> io::Result<Woken> {
            let mut ready = lock(&self.ready);
            loop {
                while let Some(token) = ready.pop_front() {
                    // A forgotten one may still be in the queue.
                    if lock(&self.watched).sockets.remove(&token).is_some() {
                        return Ok(Woken::Ready(token));
                    }
                }
                if std::mem::take(&mut lock(&self.watched).rung) {
                    return Ok(Woken::Rung);
                }
                if lock(&self.watched).closed {
                    return Ok(Woken::Closed);
                }
                ready.extend(self.poll_once()?);
            }
        }

        pub fn close(&self) {
            lock(&self.watched).closed = true;
            self.look_again();
        }

        pub fn ring(&self) {
            lock(&self.watched).rung = true;
            self.look_again();
        }

        fn look_again(&self) {
            // A full pipe rings already.
            let _ = (&self.ringer).write(&[1]);
        }

        fn poll_once(&self) -> io::Result<Vec<u64>> {
            let sockets: Vec<(u64, TcpStream, Interest)> = lock(&self.watched)
                .sockets
                .iter()
                .filter_map(|(token, (socket, interest))| {
                    Some((*token, socket.try_clone().ok()?, *interest))
                })
                .collect();
            let mut watched = vec![PollFd::new(&self.bell, PollFlags::IN)];
            watched.extend(sockets.iter().map(|(_, socket, interest)| match interest {
                Interest::Readable => PollFd::new(socket, PollFlags::IN),
                Interest::Writable => PollFd::new(socket, PollFlags::OUT),
            }));
            match poll(&mut watched, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let _ = (&self.bell).read(&mut [0; 256]);
            let ready = sockets.iter().zip(&watched[1..]);
            Ok(ready.filter(|(_, fd)| !fd.revents().is_empty()).map(|(s, _)| s.0).collect())
        }
    }

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// Both kinds of `Poll` keep the same promises.
    macro_rules! promises {
        ($name:ident, $poll:ty) => {
            mod $name {
                use super::*;

                #[test]
                fn bytes_that_came_before_arming_wake() {
                    let poll = <$poll>::new().unwrap();
                    let (mut client, server) = pair();
                    client.write_all(b"x").unwrap();
                    poll.add(&server, 7, Interest::Readable).unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                    poll.arm(&server, 7, Interest::Readable).unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                }

                #[test]
                fn a_socket_is_silent_until_it_is_armed_again() {
                    let poll = <$poll>::new().unwrap();
                    let (mut client, server) = pair();
                    poll.add(&server, 7, Interest::Readable).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                    poll.close();
                    assert_eq!(poll.wait().unwrap(), Woken::Closed);
                }

                #[test]
                fn a_ring_wakes_one_wait_whenever_it_came() {
                    let poll = <$poll>::new().unwrap();
                    poll.ring();
                    assert_eq!(poll.wait().unwrap(), Woken::Rung);
                    std::thread::scope(|scope| {
                        let waiting = scope.spawn(|| poll.wait().unwrap());
                        poll.ring();
                        assert_eq!(waiting.join().unwrap(), Woken::Rung);
                    });
                    poll.close();
                    assert_eq!(poll.wait().unwrap(), Woken::Closed);
                }

                #[test]
                fn closing_wakes_every_thread() {
                    let poll = <$poll>::new().unwrap();
                    std::thread::scope(|scope| {
                        let waiting: Vec<_> =
                            (0..8).map(|_| scope.spawn(|| poll.wait().unwrap())).collect();
                        poll.close();
                        for thread in waiting {
                            assert_eq!(thread.join().unwrap(), Woken::Closed);
                        }
                    });
                }
            }
        };
    }

    #[cfg(target_os = "linux")]
    promises!(with_epoll, super::super::epoll::Poll);
    promises!(with_poll, super::super::portable::Poll);
}
