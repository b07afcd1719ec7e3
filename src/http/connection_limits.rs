//! How many connections may be open: in all, and for each client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipnet::IpNet;
use parking_lot::Mutex;

use super::clients::{Client, Clients, Holders};
use super::rejection::Rejection;
use super::settings::Settings;
use crate::domain::network;
use crate::metrics::{CloseReason, Metrics};

/// Counts the open connections. Each of them holds a [`ConnectionPermit`].
pub struct ConnectionLimits {
    state: Mutex<State>,
    open: AtomicUsize,
    max: usize,
    max_per_client: usize,
    /// Proxies: the limit for each client is not theirs.
    exempt: Vec<IpNet>,
    metrics: Arc<Metrics>,
}

struct State {
    free_slots: Vec<u32>,
    /// How often each slot was given away: an event of an earlier owner must not be taken for
    /// one of the present owner's.
    generations: Vec<u32>,
    clients: Clients,
}

/// The right to one open connection, and its slot in the parking. Given back when dropped.
pub struct ConnectionPermit {
    limits: Arc<ConnectionLimits>,
    slot: u32,
    generation: u32,
    client: Client,
    close_reason: CloseReason,
}

impl ConnectionLimits {
    pub fn new(settings: &Settings, metrics: Arc<Metrics>) -> ConnectionLimits {
        let max = settings.max_connections.clamp(1, u32::MAX as usize);
        let state = State {
            free_slots: (0..max as u32).rev().collect(),
            generations: vec![0; max],
            clients: Clients::new(max),
        };
        ConnectionLimits {
            state: Mutex::new(state),
            open: AtomicUsize::new(0),
            max,
            max_per_client: settings.max_connections_per_client.max(1),
            exempt: settings.trusted_proxies.clone(),
            metrics,
        }
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn max(&self) -> usize {
        self.max
    }

    /// The clients that hold the most connections, among those that hold fewer than `bound`.
    pub fn largest_below(&self, bound: usize) -> Option<Holders> {
        self.state.lock().clients.largest_below(bound)
    }

    /// The connections of the client with this address. `None` for one that has none, and for
    /// an exempt proxy.
    pub fn holder(&self, address: IpAddr) -> Option<Holders> {
        self.state.lock().clients.holder(self.client_of(address)?)
    }

    /// The client that an address counts for; `None` when it is exempt.
    fn client_of(&self, address: IpAddr) -> Option<Client> {
        let address = address.to_canonical();
        if self.exempt.iter().any(|net| net.contains(&address)) {
            return None;
        }
        Some(Client::Address(network::of(address)))
    }

    /// # Errors
    /// [`Rejection::Full`] when all connections are taken, [`Rejection::ClientFull`] when all
    /// of this client's are.
    pub fn acquire(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, Rejection> {
        let client = self.client_of(address);
        let mut state = self.state.lock();
        if let Some(client) = client
            && state.clients.count(client) >= self.max_per_client
        {
            return Err(Rejection::ClientFull);
        }
        let slot = state.free_slots.pop().ok_or(Rejection::Full)?;
        let generation = state.generations[slot as usize];
        let client = client.unwrap_or(Client::Proxied(slot));
        state.clients.insert(client, slot);
        drop(state);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.metrics.connections.open.inc();
        let (limits, close_reason) = (Arc::clone(self), CloseReason::Error);
        Ok(ConnectionPermit { limits, slot, generation, client, close_reason })
    }
}

impl ConnectionPermit {
    pub fn slot(&self) -> usize {
        self.slot as usize
    }

    /// Names this owner of the slot, and no other.
    pub fn token(&self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The slot that a token is of.
    pub fn slot_of(token: u64) -> usize {
        token as u32 as usize
    }

    /// Says why the connection closes; without it, it was an error.
    pub fn set_close_reason(&mut self, reason: CloseReason) {
        self.close_reason = reason;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let limits = &self.limits;
        let mut state = limits.state.lock();
        let generation = &mut state.generations[self.slot as usize];
        *generation = generation.wrapping_add(1);
        state.free_slots.push(self.slot);
        state.clients.remove(self.client, self.slot);
        drop(state);
        limits.open.fetch_sub(1, Ordering::Relaxed);
        limits.metrics.connections.open.dec();
        limits.metrics.connections.closed(self.close_reason).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::settings::test_settings;

    fn limits() -> Arc<ConnectionLimits> {
        let settings = Settings {
            max_connections: 3,
            max_connections_per_client: 2,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..test_settings()
        };
        Arc::new(ConnectionLimits::new(&settings, Arc::new(Metrics::new())))
    }

    fn acquire(
        limits: &Arc<ConnectionLimits>,
        address: &str,
    ) -> Result<ConnectionPermit, Rejection> {
        limits.acquire(address.parse().unwrap())
    }

    #[test]
    fn permits_are_counted_for_the_whole_and_for_each_client() {
        let limits = limits();
        let first = acquire(&limits, "192.0.2.1").unwrap();
        let _second = acquire(&limits, "::ffff:192.0.2.1").unwrap();
        assert_eq!(acquire(&limits, "192.0.2.1").err(), Some(Rejection::ClientFull));
        let _third = acquire(&limits, "192.0.2.2").unwrap();
        assert_eq!(acquire(&limits, "192.0.2.3").err(), Some(Rejection::Full));
        assert_eq!(limits.open(), 3);
        drop(first);
        assert!(acquire(&limits, "192.0.2.1").is_ok());
        assert_eq!(limits.open(), 2);
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_a_proxy_is_many_clients() {
        let limits = limits();
        let client = |address: &str| limits.client_of(address.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("10.1.2.3"), None);
        let _proxied = [(); 3].map(|()| acquire(&limits, "10.1.2.3").unwrap());
        let largest = limits.largest_below(usize::MAX).unwrap();
        assert_eq!((largest.count(), largest.total()), (1, 3));
    }

    #[test]
    fn a_slot_has_another_token_for_its_next_owner() {
        let limits = limits();
        let token = acquire(&limits, "192.0.2.1").unwrap().token();
        assert_ne!(acquire(&limits, "192.0.2.1").unwrap().token(), token);
    }
}
