//! Where connections wait for their clients, or for their orders to be on disk, holding no
//! thread.
//!
//! Every open connection has a seat, counted for the whole and for its client. At any
//! moment it has one owner: the parking, while it waits; the thread that took it; or
//! whoever closes it. Taking it out of its slot, under the slot's lock, makes one the
//! owner, and a token names the generation, so an event that comes late finds nobody.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use ipnet::IpNet;

use super::connection::{Connection, EvictionOrder};
use super::rejection::Rejection;
use crate::domain::network;
use crate::metrics::{CloseReason, Metrics};
use crate::sys::poll::{Interest, Poll, Woken};

/// Most bytes that parked connections may keep beside them, together. Past it the oldest
/// partial requests and unread answers of some size give way: 4,096 bodies of 64 KB would be
/// 256 MB.
const MAX_KEPT_BYTES: usize = 16 << 20;
/// Connections that keep less are not worth closing for memory.
const HEAVY_BYTES: usize = 4 << 10;

/// All open connections, and the set in which those that wait are watched.
pub struct Parking {
    poll: Poll,
    slots: Box<[Mutex<Slot>]>,
    /// Those whose answers wait for the store, in about the order in which they are settled.
    awaiting: Mutex<VecDeque<Box<Connection>>>,
    roll: Mutex<Permits>,
    open: AtomicUsize,
    kept_bytes: AtomicUsize,
    /// Parked connections that keep at least [`HEAVY_BYTES`]: without one, there is nothing to
    /// look for when too much is kept.
    heavy: AtomicUsize,
    per_client: usize,
    /// Proxies speak for many clients.
    exempt: Vec<IpNet>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    parked: Option<Box<Connection>>,
    /// What the parked connection keeps, in bytes.
    weight: usize,
}

/// Who sits where.
struct Permits {
    free: Vec<u32>,
    clients: HashMap<IpAddr, usize>,
}

/// One connection's place. Dropping it gives the place back.
pub struct ConnectionPermit {
    parking: Arc<Parking>,
    index: u32,
    generation: u32,
    client: Option<IpAddr>,
    is_watched: bool,
    reason: CloseReason,
}

/// Whose connections may be closed for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Client(IpAddr),
}

impl Parking {
    /// Room for `seats` connections, `per_client` for each client address that is not in
    /// `exempt` (an IPv6 client is its /64).
    pub fn new(
        seats: usize,
        per_client: usize,
        exempt: Vec<IpNet>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Parking> {
        let seats = seats.min(u32::MAX as usize) as u32;
        Ok(Parking {
            poll: Poll::new()?,
            slots: (0..seats).map(|_| Mutex::default()).collect(),
            awaiting: Mutex::default(),
            roll: Mutex::new(Permits { free: (0..seats).rev().collect(), clients: HashMap::new() }),
            open: AtomicUsize::new(0),
            kept_bytes: AtomicUsize::new(0),
            heavy: AtomicUsize::new(0),
            per_client,
            exempt,
            metrics,
        })
    }

    /// Connections open, parked or not.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn seats(&self) -> usize {
        self.slots.len()
    }

    pub fn seats_per_client(&self) -> usize {
        self.per_client
    }

    /// Waits for a connection that is ready, and takes it. `None` once closed.
    pub fn next(&self) -> io::Result<Option<Box<Connection>>> {
        loop {
            if let Some(settled) = self.take_settled() {
                return Ok(Some(settled));
            }
            match self.poll.wait()? {
                Woken::Closed => return Ok(None),
                Woken::Rung => {}
                Woken::Ready(token) => {
                    let (index, generation) = (token as u32, (token >> 32) as u32);
                    if let Some(connection) = self.take(index, |slot| slot.generation == generation)
                    {
                        return Ok(Some(connection));
                    }
                }
            }
        }
    }

    /// Lets a connection wait. The caller's ownership ends here.
    pub fn park(&self, mut connection: Box<Connection>, interest: Interest) {
        let weight = connection.trim();
        let (index, token) = (connection.seat.index, connection.seat.token());
        let mut slot = lock(&self.slots[index as usize]);
        // Armed under the lock: whoever is woken at once waits for the slot to be filled.
        let armed = if connection.seat.is_watched {
            self.poll.arm(&connection.socket, token, interest)
        } else {
            self.poll.add(&connection.socket, token, interest)
        };
        if armed.is_err() {
            drop(slot);
            return connection.close(CloseReason::Error);
        }
        connection.seat.is_watched = true;
        slot.parked = Some(connection);
        slot.weight = weight;
        self.metrics.connections.parked.inc();
        let kept = self.kept_bytes.fetch_add(weight, Ordering::Relaxed) + weight;
        if weight >= HEAVY_BYTES {
            self.heavy.fetch_add(1, Ordering::Relaxed);
        }
        drop(slot);
        if kept > MAX_KEPT_BYTES && self.heavy.load(Ordering::Relaxed) > 0 {
            self.evict_where(8, |connection, weight| {
                (weight >= HEAVY_BYTES).then(|| connection.rank_by_age())
            });
        }
    }

    /// Lets a connection wait until its answer is settled. The caller's ownership ends here.
    pub fn await_settling(&self, mut connection: Box<Connection>) {
        // What it keeps is not weighed with the rest: it can't give way.
        connection.trim();
        self.metrics.connections.parked.inc();
        let mut awaiting = lock(&self.awaiting);
        // What settled it may have been here before it was.
        let is_ready = connection.is_ready();
        match is_ready {
            true => awaiting.push_front(connection),
            false => awaiting.push_back(connection),
        }
        drop(awaiting);
        if is_ready {
            self.poll.ring();
        }
    }

    /// To be called when answers have been settled. It wakes one thread, which makes all that
    /// are settled before it does anything that may block. One that is settled behind another
    /// that isn't yet waits for that one: they are a commit apart.
    pub fn ring_if_settled(&self) {
        if lock(&self.awaiting).front().is_some_and(|first| first.is_ready()) {
            self.poll.ring();
        }
    }

    /// All that wait for the store. Each is then the caller's.
    pub fn take_awaiting(&self) -> VecDeque<Box<Connection>> {
        let taken = std::mem::take(&mut *lock(&self.awaiting));
        self.metrics.connections.parked.dec_by(taken.len() as i64);
        taken
    }

    /// One whose answer can be made.
    pub fn take_settled(&self) -> Option<Box<Connection>> {
        let settled = lock(&self.awaiting).pop_front_if(|first| first.is_ready())?;
        self.metrics.connections.parked.dec();
        Some(settled)
    }

    /// Closes up to `count` waiting connections of `scope`, those first that lose least:
    /// answered ones, idle ones, partial heads, partial bodies, answers that have been on
    /// their way for too long, each kind by age. Returns how many.
    pub fn evict(&self, scope: Scope, count: usize) -> usize {
        let now = Instant::now();
        self.evict_where(count, |connection, _| {
            let is_in = match scope {
                Scope::All => true,
                Scope::Client(client) => connection.seat.client == Some(client),
            };
            connection.rank(now).filter(|_| is_in)
        })
    }

    /// Takes every waiting connection that `choose` picks. Each is then the caller's.
    pub fn take_all(&self, choose: impl Fn(&Connection) -> bool) -> Vec<Box<Connection>> {
        (0..self.slots.len() as u32)
            .filter_map(|index| {
                let taken =
                    self.take(index, |slot| slot.parked.as_ref().is_some_and(|c| choose(c)))?;
                self.poll.forget(taken.seat.token());
                Some(taken)
            })
            .collect()
    }

    /// Ends [`Parking::next`] for every thread.
    pub fn close(&self) {
        self.poll.close();
    }

    fn evict_where(
        &self,
        count: usize,
        rank: impl Fn(&Connection, usize) -> Option<EvictionOrder>,
    ) -> usize {
        let rank = |slot: &Slot| slot.parked.as_ref().and_then(|c| rank(c, slot.weight));
        let mut candidates: Vec<(EvictionOrder, u32)> = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            candidates.extend(rank(&lock(slot)).map(|rank| (rank, index as u32)));
        }
        let count = count.min(candidates.len());
        if count == 0 {
            return 0;
        }
        candidates.select_nth_unstable(count - 1);
        let mut evicted = 0;
        for (ranked, index) in &candidates[..count] {
            // It may have been served meanwhile: then it ranks otherwise.
            if let Some(connection) = self.take(*index, |slot| rank(slot) == Some(*ranked)) {
                self.poll.forget(connection.seat.token());
                connection.close(CloseReason::Evicted);
                evicted += 1;
            }
        }
        evicted
    }

    fn take(&self, index: u32, choose: impl Fn(&Slot) -> bool) -> Option<Box<Connection>> {
        let mut slot = lock(self.slots.get(index as usize)?);
        if !choose(&slot) {
            return None;
        }
        let connection = slot.parked.take()?;
        self.kept_bytes.fetch_sub(slot.weight, Ordering::Relaxed);
        if slot.weight >= HEAVY_BYTES {
            self.heavy.fetch_sub(1, Ordering::Relaxed);
        }
        self.metrics.connections.parked.dec();
        Some(connection)
    }
}

/// Gives a new connection its seat; refused when all, or all of this client's, are taken.
pub fn seat(parking: &Arc<Parking>, address: IpAddr) -> Result<ConnectionPermit, Rejection> {
    let client = parking.client_of(address);
    let mut roll = lock(&parking.roll);
    if let Some(client) = client
        && roll.clients.get(&client).is_some_and(|open| *open >= parking.per_client)
    {
        return Err(Rejection::ClientFull);
    }
    let index = roll.free.pop().ok_or(Rejection::Full)?;
    if let Some(client) = client {
        *roll.clients.entry(client).or_default() += 1;
    }
    drop(roll);
    parking.open.fetch_add(1, Ordering::Relaxed);
    parking.metrics.connections.open.inc();
    Ok(ConnectionPermit {
        parking: Arc::clone(parking),
        index,
        generation: lock(&parking.slots[index as usize]).generation,
        client,
        is_watched: false,
        reason: CloseReason::Error,
    })
}

impl Parking {
    /// The client that an address counts for; `None` when it is exempt.
    pub fn client_of(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        if self.exempt.iter().any(|net| net.contains(&address)) {
            return None;
        }
        Some(network::of(address))
    }
}

impl ConnectionPermit {
    /// Says why the connection closes; without it, it was an error.
    pub fn leave_because(&mut self, reason: CloseReason) {
        self.reason = reason;
    }

    fn token(&self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        {
            let mut slot = lock(&self.parking.slots[self.index as usize]);
            slot.generation = slot.generation.wrapping_add(1);
        }
        let mut roll = lock(&self.parking.roll);
        roll.free.push(self.index);
        if let Some(client) = self.client {
            let left = roll.clients.get_mut(&client).map(|open| {
                *open -= 1;
                *open
            });
            if left == Some(0) {
                roll.clients.remove(&client);
            }
        }
        drop(roll);
        self.parking.open.fetch_sub(1, Ordering::Relaxed);
        self.parking.metrics.connections.open.dec();
        self.parking.metrics.connections.closed(self.reason).inc();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
#[path = "parking_tests.rs"]
mod tests;
