//! Where large bodies pass one at a time.
//!
//! Parsed, 64 KB of the worst JSON are a tree of 3 MB, and each fault that gives it back is
//! another. As many at once as there are threads would take hundreds of megabytes, and no
//! sooner be done: it is work for the processor alone. What the API asks for is far smaller.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// Bodies up to this, in bytes, pass beside.
const SMALL_BYTES: usize = 2 << 10;

/// Large ones that may be there at once: one inside, the others wait, each with its thread.
const MAX_THERE: usize = 8;

#[derive(Debug, Default)]
pub struct LargeBodyGate {
    there: AtomicUsize,
    inside: Mutex<()>,
}

/// The right to deal with a body, until it is dropped.
pub struct Passage<'t> {
    _inside: Option<MutexGuard<'t, ()>>,
    _place: Option<Place<'t>>,
}

struct Place<'t>(&'t AtomicUsize);

impl LargeBodyGate {
    /// Waits for its turn; [`Error::Unavailable`] where too many do.
    pub fn pass(&self, body_bytes: usize) -> Result<Passage<'_>> {
        if body_bytes <= SMALL_BYTES {
            return Ok(Passage { _inside: None, _place: None });
        }
        let others = self.there.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.there);
        if others >= MAX_THERE {
            return Err(Error::busy("too many large bodies are being read"));
        }
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Passage { _inside: Some(inside), _place: Some(place) })
    }
}

impl Drop for Place<'_> {
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
    fn one_large_body_is_inside_a_few_wait_and_the_rest_are_told_to_come_back() {
        let large_body_gate = LargeBodyGate::default();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let first = large_body_gate.pass(SMALL_BYTES + 1).unwrap();
            for _ in 1..MAX_THERE {
                scope.spawn(|| assert!(large_body_gate.pass(SMALL_BYTES + 1).is_ok()));
            }
            while large_body_gate.there.load(Ordering::Relaxed) < MAX_THERE {
                thread::yield_now();
            }
            scope.spawn(|| {
                for bytes in [SMALL_BYTES, SMALL_BYTES + 1] {
                    let _ = sender.send(large_body_gate.pass(bytes).map(drop));
                }
            });
            let passed = || receiver.recv_timeout(Duration::from_secs(20));
            assert!(passed().expect("a small body waits").is_ok());
            let refused = passed().expect("one too many waits");
            assert!(matches!(refused, Err(Error::Unavailable(_))));
            drop(first);
        });
        assert!(large_body_gate.pass(SMALL_BYTES + 1).is_ok());
    }
}
