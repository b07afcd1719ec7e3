//! Which connections each client holds, and which clients hold the most.
//!
//! It is kept up to date with the permits, so that whoever looks for a connection to evict looks
//! at those of one client, or of a few, and never at all slots.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// Whom a connection counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// An address; for IPv6 its /64.
    Address(IpAddr),
    /// An exempt proxy's connection, in this slot. A proxy speaks for many clients, so each of
    /// its connections counts as one client.
    Proxied(u32),
}

/// No other client comes before it.
const LEAST: Client = Client::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

/// The open connections, by client.
pub struct Clients {
    held: HashMap<Client, Held>,
    /// The counts of `held`, in their order.
    by_count: BTreeSet<(usize, Client)>,
    /// The neighbours of each slot in the list of its client.
    links: Vec<Links>,
}

/// A client's connections: how many, and the first of their list.
struct Held {
    count: usize,
    first: Option<u32>,
}

#[derive(Clone, Copy, Default)]
struct Links {
    previous: Option<u32>,
    next: Option<u32>,
}

/// The slots of clients that hold equally many connections.
#[derive(Debug, PartialEq, Eq)]
pub struct Holders {
    count: usize,
    /// `count` slots of the first client, then those of the next.
    slots: Vec<u32>,
}

impl Clients {
    /// For slots below `slots`.
    pub fn new(slots: usize) -> Clients {
        let links = vec![Links::default(); slots];
        Clients { held: HashMap::new(), by_count: BTreeSet::new(), links }
    }

    /// How many connections a client holds.
    pub fn count(&self, client: Client) -> usize {
        self.held.get(&client).map_or(0, |held| held.count)
    }

    /// Gives a free slot to a client.
    pub fn insert(&mut self, client: Client, slot: u32) {
        let held = self.held.entry(client).or_insert(Held { count: 0, first: None });
        let next = held.first.replace(slot);
        self.links[slot as usize] = Links { previous: None, next };
        if let Some(next) = next {
            self.links[next as usize].previous = Some(slot);
        }
        self.by_count.remove(&(held.count, client));
        held.count += 1;
        self.by_count.insert((held.count, client));
    }

    /// Takes a slot back from the client that it was given to.
    pub fn remove(&mut self, client: Client, slot: u32) {
        let Some(held) = self.held.get_mut(&client) else { return };
        let Links { previous, next } = std::mem::take(&mut self.links[slot as usize]);
        match previous {
            Some(previous) => self.links[previous as usize].next = next,
            None => held.first = next,
        }
        if let Some(next) = next {
            self.links[next as usize].previous = previous;
        }
        self.by_count.remove(&(held.count, client));
        held.count -= 1;
        if held.count == 0 {
            self.held.remove(&client);
        } else {
            self.by_count.insert((held.count, client));
        }
    }

    /// The clients that hold the most connections, among those that hold fewer than `bound`.
    pub fn largest_below(&self, bound: usize) -> Option<Holders> {
        let (count, _) = *self.by_count.range(..(bound, LEAST)).next_back()?;
        let clients = self.by_count.range((count, LEAST)..(count + 1, LEAST));
        let slots = clients.flat_map(|(_, client)| self.slots_of(*client)).collect();
        Some(Holders { count, slots })
    }

    /// One client's connections, if it has any.
    pub fn holder(&self, client: Client) -> Option<Holders> {
        let count = self.held.get(&client)?.count;
        Some(Holders { count, slots: self.slots_of(client).collect() })
    }

    fn slots_of(&self, client: Client) -> impl Iterator<Item = u32> {
        let first = self.held.get(&client).and_then(|held| held.first);
        std::iter::successors(first, |slot| self.links[*slot as usize].next)
    }
}

impl Holders {
    /// How many connections each of these clients holds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many clients these are.
    pub fn clients(&self) -> usize {
        self.slots.len() / self.count
    }

    /// How many connections all of them hold together.
    pub fn total(&self) -> usize {
        self.slots.len()
    }

    /// Every slot, with the number of its client among these.
    pub fn slots(&self) -> impl Iterator<Item = (usize, usize)> {
        self.slots.iter().enumerate().map(|(at, slot)| (*slot as usize, at / self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client::Address(Ipv4Addr::new(192, 0, 2, last).into())
    }

    /// Slots 0 to 5: three of client 1, two of client 2, one of a proxy.
    fn clients() -> Clients {
        let mut clients = Clients::new(6);
        for (slot, owner) in [1, 2, 1, 2, 1].into_iter().enumerate() {
            clients.insert(client(owner), slot as u32);
        }
        clients.insert(Client::Proxied(5), 5);
        clients
    }

    fn sorted(holders: Option<Holders>) -> (usize, Vec<u32>) {
        let Holders { count, mut slots } = holders.unwrap();
        slots.sort_unstable();
        (count, slots)
    }

    #[test]
    fn clients_are_found_by_how_many_connections_they_hold() {
        let clients = clients();
        assert_eq!(sorted(clients.largest_below(usize::MAX)), (3, vec![0, 2, 4]));
        assert_eq!(sorted(clients.largest_below(3)), (2, vec![1, 3]));
        assert_eq!(sorted(clients.largest_below(2)), (1, vec![5]));
        assert_eq!(clients.largest_below(1), None);
        assert_eq!(sorted(clients.holder(client(2))), (2, vec![1, 3]));
        assert_eq!(clients.holder(client(3)), None);
    }

    #[test]
    fn clients_that_hold_equally_many_are_found_together_and_told_apart() {
        let mut clients = clients();
        clients.remove(client(1), 2);
        let largest = clients.largest_below(usize::MAX).unwrap();
        assert_eq!((largest.count(), largest.total()), (2, 4));
        let owners: Vec<_> = largest.slots().map(|(slot, owner)| (slot % 2, owner)).collect();
        assert_eq!(owners, [(0, 0), (0, 0), (1, 1), (1, 1)]);
    }

    #[test]
    fn whatever_the_order_of_their_ends_no_connection_is_lost_or_kept() {
        for order in [[0, 2, 4], [2, 0, 4], [4, 2, 0], [2, 4, 0]] {
            let mut clients = clients();
            let mut left = vec![0, 2, 4];
            for slot in order {
                clients.remove(client(1), slot);
                left.retain(|other| *other != slot);
                assert_eq!(clients.count(client(1)), left.len());
                let held = clients.holder(client(1)).map(|held| sorted(Some(held)).1);
                assert_eq!(held.unwrap_or_default(), left);
            }
            assert_eq!(sorted(clients.largest_below(usize::MAX)), (2, vec![1, 3]));
        }
    }
}
