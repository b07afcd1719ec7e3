//! How many may do something at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many permits, and no more. Clones share them.
#[derive(Clone)]
pub struct Permits {
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// The right to be one of them. Dropped, it is free for another.
pub struct Permit(Arc<AtomicUsize>);

impl Permits {
    pub fn new(most: usize) -> Permits {
        Permits { most, taken: Arc::default() }
    }

    /// `None` where as many are taken as there are.
    pub fn take(&self) -> Option<Permit> {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Permit(Arc::clone(&self.taken)))
    }

    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_free_again_once_it_is_dropped() {
        let permits = Permits::new(2);
        let first = permits.take();
        let second = permits.clone().take();
        assert!(first.is_some() && second.is_some() && permits.take().is_none());
        drop(second);
        assert_eq!(permits.taken(), 1);
        assert!(permits.take().is_some());
    }
}
