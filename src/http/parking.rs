//! Parking: where connections wait for their clients, or for their responses to be ready,
//! without holding a thread.
//!
//! At any moment a connection has one owner: the parking, while it waits; the thread that
//! took it; or whoever closes it. Taking it out of its slot, under the slot's lock, makes one
//! the owner, and its token names it, so an event that comes late finds nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::connection::{Connection, Stage};
use super::connection_limits::ConnectionPermit;
use super::deferrals::Deferrals;
use crate::metrics::{CloseReason, Metrics};
use crate::sys::poll::{Interest, Poll, Waker, Woken};

/// Most bytes that parked connections may keep beside them, together; 4,096 bodies of 64 KB
/// would be 256 MB. Whoever parks a connection past it evicts the oldest of those that keep at
/// least [`HEAVY_BYTES`].
const MAX_KEPT_BYTES: usize = 16 << 20;
/// Connections that keep less are not worth closing for memory.
const HEAVY_BYTES: usize = 4 << 10;
/// Connections that are closed at once when too much is kept.
const EVICTED_FOR_MEMORY: usize = 8;

/// All connections that wait, and the set in which their sockets are watched.
pub struct Parking {
    poll: Poll,
    slots: Box<[Mutex<Slot>]>,
    deferrals: Deferrals,
    kept_bytes: AtomicUsize,
    /// Parked connections that keep at least [`HEAVY_BYTES`]: without one, there is nothing to
    /// look for when too much is kept.
    heavy: AtomicUsize,
    /// Parked connections that are in the middle of a response.
    responding: AtomicUsize,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Slot {
    parked: Option<Box<Connection>>,
    /// What the parked connection keeps, in bytes.
    weight: usize,
}

impl Parking {
    /// Room for `slots` connections. Call `waker` whenever a deferred response is ready.
    pub fn new(slots: usize, waker: &Waker, metrics: Arc<Metrics>) -> io::Result<Parking> {
        Ok(Parking {
            poll: waker.new_poll()?,
            slots: (0..slots).map(|_| Mutex::default()).collect(),
            deferrals: Deferrals::new(waker.clone(), Arc::clone(&metrics)),
            kept_bytes: AtomicUsize::new(0),
            heavy: AtomicUsize::new(0),
            responding: AtomicUsize::new(0),
            metrics,
        })
    }

    pub fn deferrals(&self) -> &Deferrals {
        &self.deferrals
    }

    /// Waits for a connection that is ready, and takes it. `None` once closed.
    pub fn next(&self) -> io::Result<Option<Box<Connection>>> {
        loop {
            if let Some(ready) = self.deferrals.take_ready() {
                return Ok(Some(ready));
            }
            match self.poll.wait()? {
                Woken::Closed => return Ok(None),
                Woken::ByWaker => {
                    self.deferrals.collect();
                }
                Woken::Ready(token) => {
                    let slot = ConnectionPermit::slot_of(token);
                    if let Some(connection) = self.take(slot, |connection| {
                        // An earlier owner's event finds another token, or nobody.
                        connection.permit.token() == token
                    }) {
                        return Ok(Some(connection));
                    }
                }
            }
        }
    }

    /// Lets a connection wait. The caller's ownership ends here.
    pub fn park(&self, mut connection: Box<Connection>, interest: Interest) {
        let weight = connection.trim();
        let (index, token) = (connection.permit.slot(), connection.permit.token());
        let mut slot = self.slots[index].lock();
        // Armed under the lock: whoever is woken at once waits for the slot to be filled.
        let armed = if connection.is_watched {
            self.poll.arm(&connection.socket, token, interest)
        } else {
            self.poll.add(&connection.socket, token, interest)
        };
        if armed.is_err() {
            drop(slot);
            return connection.close(CloseReason::Error);
        }
        connection.is_watched = true;
        if matches!(connection.stage, Stage::Responding(_)) {
            self.responding.fetch_add(1, Ordering::Relaxed);
        }
        slot.parked = Some(connection);
        slot.weight = weight;
        self.metrics.connections.parked.inc();
        let kept = self.kept_bytes.fetch_add(weight, Ordering::Relaxed) + weight;
        if weight >= HEAVY_BYTES {
            self.heavy.fetch_add(1, Ordering::Relaxed);
        }
        drop(slot);
        if kept > MAX_KEPT_BYTES && self.heavy.load(Ordering::Relaxed) > 0 {
            self.evict_for_memory();
        }
    }

    /// How many connections have room.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many waiting connections are in the middle of a response.
    pub fn responding(&self) -> usize {
        self.responding.load(Ordering::Relaxed)
    }

    /// What `see` finds in the connection that waits in a slot, if one does.
    pub fn look<T>(&self, slot: usize, see: impl FnOnce(&Connection) -> T) -> Option<T> {
        self.slots.get(slot)?.lock().parked.as_deref().map(see)
    }

    /// Closes the connection that waits in a slot, if one does and `may_go` says so.
    pub fn evict_if(&self, slot: usize, may_go: impl Fn(&Connection) -> bool) -> bool {
        let Some(connection) = self.take(slot, may_go) else { return false };
        self.poll.forget(connection.permit.token());
        connection.close(CloseReason::Evicted);
        true
    }

    /// Takes every waiting connection that `choose` picks, deferred ones excepted. Each is then
    /// the caller's.
    pub fn take_all(&self, choose: impl Fn(&Connection) -> bool) -> Vec<Box<Connection>> {
        (0..self.slots.len())
            .filter_map(|index| {
                let taken = self.take(index, &choose)?;
                self.poll.forget(taken.permit.token());
                Some(taken)
            })
            .collect()
    }

    /// Ends [`Parking::next`] for every thread.
    pub fn close(&self) {
        self.poll.close();
    }

    /// Closes the oldest of the connections that keep much.
    fn evict_for_memory(&self) {
        let mut heavy: Vec<(Instant, usize)> = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let slot = slot.lock();
            let parked = slot.parked.as_ref().filter(|_| slot.weight >= HEAVY_BYTES);
            heavy.extend(parked.map(|parked| (parked.since(), index)));
        }
        let count = EVICTED_FOR_MEMORY.min(heavy.len());
        if count == 0 {
            return;
        }
        heavy.select_nth_unstable(count - 1);
        for (since, index) in &heavy[..count] {
            self.evict_if(*index, |parked| parked.since() == *since);
        }
    }

    fn take(&self, index: usize, choose: impl Fn(&Connection) -> bool) -> Option<Box<Connection>> {
        let mut slot = self.slots.get(index)?.lock();
        let weight = slot.weight;
        let connection = slot.parked.take_if(|parked| choose(parked))?;
        self.kept_bytes.fetch_sub(weight, Ordering::Relaxed);
        if weight >= HEAVY_BYTES {
            self.heavy.fetch_sub(1, Ordering::Relaxed);
        }
        if matches!(connection.stage, Stage::Responding(_)) {
            self.responding.fetch_sub(1, Ordering::Relaxed);
        }
        self.metrics.connections.parked.dec();
        Some(connection)
    }
}

#[cfg(test)]
#[path = "parking_tests.rs"]
mod tests;
