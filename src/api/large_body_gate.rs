//! Lets large bodies be parsed and answered one at a time.
//!
//! Parsed, 64 KB of the worst JSON are a tree of 3 MB, and each fault that gives it back is
//! another. As many at once as there are threads would take hundreds of megabytes, and no
//! sooner be done: it is work for the processor alone. What the API asks for is far smaller.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Result};

/// Bodies up to this, in bytes, are not held up.
const SMALL_BYTES: usize = 2 << 10;

/// Large ones at once: one is worked on, the others wait, each with its thread.
const MAX_LARGE: usize = 8;

/// Counts the large bodies that are there, and lets one be worked on.
#[derive(Debug, Default)]
pub struct LargeBodyGate {
    large: AtomicUsize,
    working: Mutex<()>,
}

/// The right to work on a body, until it is dropped.
pub struct Permit<'g> {
    _working: Option<MutexGuard<'g, ()>>,
    _count: Option<Count<'g>>,
}

struct Count<'g>(&'g AtomicUsize);

impl LargeBodyGate {
    /// Waits until it is this body's turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where too many wait.
    pub fn acquire(&self, body_bytes: usize) -> Result<Permit<'_>> {
        if body_bytes <= SMALL_BYTES {
            return Ok(Permit { _working: None, _count: None });
        }
        let others = self.large.fetch_add(1, Ordering::Relaxed);
        let count = Count(&self.large);
        if others >= MAX_LARGE {
            return Err(Error::busy("too many large bodies are being read"));
        }
        Ok(Permit { _working: Some(self.working.lock()), _count: Some(count) })
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_large_body_is_worked_on_a_few_wait_and_the_rest_are_rejected() {
        let gate = LargeBodyGate::default();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let first = gate.acquire(SMALL_BYTES + 1).unwrap();
            for _ in 1..MAX_LARGE {
                scope.spawn(|| assert!(gate.acquire(SMALL_BYTES + 1).is_ok()));
            }
            while gate.large.load(Ordering::Relaxed) < MAX_LARGE {
                thread::yield_now();
            }
            scope.spawn(|| {
                for bytes in [SMALL_BYTES, SMALL_BYTES + 1] {
                    let _ = sender.send(gate.acquire(bytes).map(drop));
                }
            });
            let passed = || receiver.recv_timeout(Duration::from_secs(20));
            assert!(passed().expect("a small body waits").is_ok());
            let refused = passed().expect("one too many waits");
            assert!(matches!(refused, Err(Error::Unavailable(_))));
            drop(first);
        });
        assert!(gate.acquire(SMALL_BYTES + 1).is_ok());
    }
}
