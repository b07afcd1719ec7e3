//! One of the waiting threads polls for all; the others queue for what it finds.
//! It costs a second descriptor for each watched socket, and time that grows with them.

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
