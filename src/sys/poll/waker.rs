//! Waking the threads that wait in a [`Poll`], from a room that knows no sockets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_os = "linux")]
use super::epoll::{Bell, Poll};
#[cfg(not(target_os = "linux"))]
use super::portable::{Bell, Poll};

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

    /// False from the first [`Waker::wake`] after it was armed.
    pub fn is_armed(&self) -> bool {
        self.is_armed.load(Ordering::SeqCst)
    }

    /// Wakes a thread, armed or not.
    pub fn wake_now(&self) {
        self.bell.ring();
    }
}
