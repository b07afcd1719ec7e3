//! Waiting for many sockets at once: epoll on Linux, `poll` elsewhere.
//!
//! A socket is watched once: after its event it is silent until it is armed again,
//! so one thread at a time has it, however many wait.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wakes a thread that waits in a [`Poll`] when something has become ready that no socket
/// tells of, such as a write that is now on disk. Clones wake the same set.
///
/// It is armed by whoever waits and disarmed by the first call: rooms that finish work call
/// it each time, and pay for a system call only when somebody waits for that work.
#[derive(Clone, Debug)]
pub struct Waker {
    is_armed: Arc<AtomicBool>,
    bell: Bell,
}

impl Waker {
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Waker> {
        Ok(Waker { is_armed: Arc::default(), bell: Bell::new()? })
    }

    /// A set of sockets whose waiting threads it wakes.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new_poll(&self) -> io::Result<Poll> {
        Poll::new(&self.bell)
    }

    /// Says that something has become ready. Does not block.
    pub fn wake(&self) {
        if self.is_armed.swap(false, Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// Asks for the next [`Waker::wake`]. Look for what is ready after this, not before: what
    /// becomes ready in between is then either seen or woken for.
    pub fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
    }

    /// Wakes a thread, armed or not.
    pub fn wake_now(&self) {
        self.bell.ring();
    }
}

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
    /// Its [`Waker`] was called.
    ByWaker,
    /// [`Poll::close`] was called.
    Closed,
}

#[cfg(target_os = "linux")]
pub use epoll::Poll;
#[cfg(not(target_os = "linux"))]
pub use portable::Poll;

#[cfg(target_os = "linux")]
use epoll::Bell;
#[cfg(not(target_os = "linux"))]
use portable::Bell;

#[cfg(target_os = "linux")]
mod epoll {
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use parking_lot::Mutex;
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    use super::{Interest, Woken};

    /// A pipe that the polling thread watches.
    #[derive(Clone, Debug)]
    pub struct Bell(Arc<Pipe>);

    #[derive(Debug)]
    struct Pipe {
        rung: AtomicBool,
        reader: UnixStream,
        writer: UnixStream,
    }

    impl Bell {
        pub fn new() -> io::Result<Bell> {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            writer.set_nonblocking(true)?;
            Ok(Bell(Arc::new(Pipe { rung: AtomicBool::new(false), reader, writer })))
        }

        pub fn ring(&self) {
            self.0.rung.store(true, Ordering::SeqCst);
            self.interrupt();
        }

        /// Has the polling thread look again.
        fn interrupt(&self) {
            // A full pipe interrupts already.
            let _ = (&self.0.writer).write(&[1]);
        }
    }

    /// The set of watched sockets, shared by all threads that wait.
    #[derive(Debug)]
    pub struct Poll {
        watched: Mutex<Watched>,
        /// Held by the thread that polls; it hands out what is ready one by one.
        ready: Mutex<VecDeque<u64>>,
        bell: Bell,
    }

    #[derive(Debug, Default)]
    struct Watched {
        sockets: HashMap<u64, (TcpStream, Interest)>,
        closed: bool,
    }

    impl Poll {
        pub fn new(bell: &Bell) -> io::Result<Poll> {
            Ok(Poll { watched: Mutex::default(), ready: Mutex::default(), bell: bell.clone() })
        }

        pub fn add(&self, socket: &TcpStream, token: u64, interest: Interest) -> io::Result<()> {
            self.arm(socket, token, interest)
        }

        pub fn arm(&self, socket: &TcpStream, token: u64, interest: Interest) -> io::Result<()> {
            let copy = socket.try_clone()?;
            self.watched.lock().sockets.insert(token, (copy, interest));
            self.bell.interrupt();
            Ok(())
        }

        pub fn forget(&self, token: u64) {
            self.watched.lock().sockets.remove(&token);
            self.bell.interrupt();
        }

        pub fn wait(&self) -> io::Result<Woken> {
            let mut ready = self.ready.lock();
            loop {
                while let Some(token) = ready.pop_front() {
                    // A forgotten one may still be in the queue.
                    if self.watched.lock().sockets.remove(&token).is_some() {
                        return Ok(Woken::Ready(token));
                    }
                }
                if self.bell.0.rung.swap(false, Ordering::SeqCst) {
                    return Ok(Woken::ByWaker);
                }
                if self.watched.lock().closed {
                    return Ok(Woken::Closed);
                }
                ready.extend(self.poll_once()?);
            }
        }

        pub fn close(&self) {
            self.watched.lock().closed = true;
            self.bell.interrupt();
        }

        fn poll_once(&self) -> io::Result<Vec<u64>> {
            let sockets: Vec<(u64, TcpStream, Interest)> = self
                .watched
                .lock()
                .sockets
                .iter()
                .filter_map(|(token, (socket, interest))| {
                    Some((*token, socket.try_clone().ok()?, *interest))
                })
                .collect();
            let mut watched = vec![PollFd::new(&self.bell.0.reader, PollFlags::IN)];
            watched.extend(sockets.iter().map(|(_, socket, interest)| match interest {
                Interest::Readable => PollFd::new(socket, PollFlags::IN),
                Interest::Writable => PollFd::new(socket, PollFlags::OUT),
            }));
            match poll(&mut watched, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let _ = (&self.bell.0.reader).read(&mut [0; 256]);
            let ready = sockets.iter().zip(&watched[1..]);
            Ok(ready.filter(|(_, fd)| !fd.revents().is_empty()).map(|(s, _)| s.0).collect())
        }
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
        ($name:ident, $implementation:ident) => {
            mod $name {
                use super::*;
                use $implementation::{Bell, Poll};

                fn poll() -> (Poll, Bell) {
                    let bell = Bell::new().unwrap();
                    (Poll::new(&bell).unwrap(), bell)
                }

                #[test]
                fn bytes_that_came_before_arming_wake() {
                    let (poll, _bell) = poll();
                    let (mut client, server) = pair();
                    client.write_all(b"x").unwrap();
                    poll.add(&server, 7, Interest::Readable).unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                    poll.arm(&server, 7, Interest::Readable).unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                }

                #[test]
                fn a_socket_is_silent_until_it_is_armed_again() {
                    let (poll, _bell) = poll();
                    let (mut client, server) = pair();
                    poll.add(&server, 7, Interest::Readable).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                    poll.close();
                    assert_eq!(poll.wait().unwrap(), Woken::Closed);
                }

                #[test]
                fn a_ring_wakes_one_wait_whenever_it_came() {
                    let (poll, bell) = poll();
                    bell.ring();
                    assert_eq!(poll.wait().unwrap(), Woken::ByWaker);
                    std::thread::scope(|scope| {
                        let waiting = scope.spawn(|| poll.wait().unwrap());
                        bell.ring();
                        assert_eq!(waiting.join().unwrap(), Woken::ByWaker);
                    });
                    poll.close();
                    assert_eq!(poll.wait().unwrap(), Woken::Closed);
                }

                #[test]
                fn closing_wakes_every_thread() {
                    let (poll, _bell) = poll();
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
    promises!(with_epoll, epoll);
    promises!(with_poll, portable);

    #[test]
    fn a_waker_rings_once_for_each_time_that_it_is_armed() {
        let waker = Waker::new().unwrap();
        let poll = waker.new_poll().unwrap();
        waker.wake();
        waker.arm();
        waker.wake();
        waker.wake();
        assert_eq!(poll.wait().unwrap(), Woken::ByWaker);
        poll.close();
        assert_eq!(poll.wait().unwrap(), Woken::Closed);
    }
}
