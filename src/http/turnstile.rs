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
pub struct Turnstile {
    there: AtomicUsize,
    inside: Mutex<()>,
}

/// The right to deal with a body, until it is dropped.
pub struct Passage<'t> {
    _inside: Option<MutexGuard<'t, ()>>,
    _place: Option<Place<'t>>,
}

struct Place<'t>(&'t AtomicUsize);

impl Turnstile {
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
    use std::thread;

    use super::*;

    #[test]
    fn one_large_body_is_inside_a_few_wait_and_the_rest_are_told_to_come_back() {
        let turnstile = Turnstile::default();
        let first = turnstile.pass(SMALL_BYTES + 1).unwrap();
        thread::scope(|scope| {
            for _ in 1..MAX_THERE {
                scope.spawn(|| assert!(turnstile.pass(SMALL_BYTES + 1).is_ok()));
            }
            while turnstile.there.load(Ordering::Relaxed) < MAX_THERE {
                thread::yield_now();
            }
            let refused = turnstile.pass(SMALL_BYTES + 1).map(drop);
            let small = turnstile.pass(SMALL_BYTES).map(drop);
            drop(first);
            assert!(matches!(refused, Err(Error::Unavailable(_))));
            assert!(small.is_ok());
        });
        assert!(turnstile.pass(SMALL_BYTES + 1).is_ok());
    }
}
