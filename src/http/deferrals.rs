//! Connections whose responses aren't ready. They hold no thread, and their sockets are not
//! watched: what makes a response ready calls the [`Waker`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::connection::Connection;
use crate::metrics::Metrics;
use crate::sys::poll::Waker;

/// All connections that wait for a response, apart from those that can have it.
pub struct Deferrals {
    waker: Waker,
    #[expect(clippy::vec_box, reason = "a connection that becomes ready is moved, not copied")]
    waiting: Mutex<Vec<Box<Connection>>>,
    /// Those whose responses can be made, in the order in which they were found.
    ready: Mutex<VecDeque<Box<Connection>>>,
    metrics: Arc<Metrics>,
}

impl Deferrals {
    pub fn new(waker: Waker, metrics: Arc<Metrics>) -> Deferrals {
        Deferrals { waker, waiting: Mutex::default(), ready: Mutex::default(), metrics }
    }

    /// Lets a connection wait for its response. The caller's ownership ends here.
    pub fn park(&self, mut connection: Box<Connection>) {
        // What it keeps does not count with the rest: it is never evicted.
        connection.trim();
        self.metrics.connections.parked.inc();
        let mut waiting = self.waiting.lock();
        self.waker.arm();
        if !connection.is_due(Instant::now()) {
            return waiting.push(connection);
        }
        drop(waiting);
        self.ready.lock().push_back(connection);
        self.waker.wake_now();
    }

    /// Finds those whose responses have become ready, or whose deadlines have passed. Returns
    /// how many.
    pub fn collect(&self) -> usize {
        let mut waiting = self.waiting.lock();
        if waiting.is_empty() {
            return 0;
        }
        self.waker.arm();
        let now = Instant::now();
        let mut ready = self.ready.lock();
        let before = ready.len();
        ready.extend(waiting.extract_if(.., |connection| connection.is_due(now)));
        ready.len() - before
    }

    /// As [`Deferrals::collect`], for a thread that will not take them itself.
    pub fn collect_for_others(&self) {
        if self.collect() > 0 {
            self.waker.wake_now();
        }
    }

    /// Those whose clients have hung up, where that ends their responses. Each is then the caller's.
    pub fn take_abandoned(&self) -> Vec<Box<Connection>> {
        let mut waiting = self.waiting.lock();
        let taken: Vec<_> = waiting.extract_if(.., |it| it.is_abandoned()).collect();
        self.metrics.connections.parked.dec_by(taken.len() as i64);
        taken
    }

    /// One whose response can be made. A thread that has committed for others finds them here
    /// itself, without being woken.
    pub fn take_ready(&self) -> Option<Box<Connection>> {
        if let Some(connection) = self.pop_ready() {
            return Some(connection);
        }
        // Most often nothing was called since it was armed. What this may miss, since others arm
        // it too, a thread was woken for.
        if self.waker.is_armed() || self.collect() == 0 {
            return None;
        }
        self.pop_ready()
    }

    fn pop_ready(&self) -> Option<Box<Connection>> {
        let connection = self.ready.lock().pop_front()?;
        self.metrics.connections.parked.dec();
        Some(connection)
    }

    /// All of them. Each is then the caller's.
    pub fn take_all(&self) -> Vec<Box<Connection>> {
        let mut taken: Vec<_> = self.ready.lock().drain(..).collect();
        taken.append(&mut self.waiting.lock());
        self.metrics.connections.parked.dec_by(taken.len() as i64);
        taken
    }
}

#[cfg(test)]
#[path = "deferrals_tests.rs"]
mod tests;
