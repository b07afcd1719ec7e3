//! Eviction: which connections are closed so that a new one gets in.
//!
//! The client that holds the most connections pays first, whatever its connections do; of its
//! own, those go first that cost it least ([`EvictionClass`](super::connection::EvictionClass)).
//! So a crowd of connections harms those who made it, and a client with one connection is the
//! last to lose it.

use std::time::Instant;

use super::clients::Holders;
use super::connection::{Connection, EvictionOrder};
use super::parking::Parking;
use super::transport::Transport;

/// Of so many connections that are looked at, one is evicted, and one at least: so a flood of new
/// connections costs about as many looks for each.
const LOOKED_AT_FOR_ONE: usize = 128;

/// Clients that read their responses are spared only while responses hold at most this share of
/// all slots: reading slowly must not be a way to keep everybody else out.
const SPARED_SHARE: usize = 16;

/// A connection that may be evicted: its order, its slot, and the number of its client.
type Candidate = (EvictionOrder, usize, usize);

/// Evicts connections of the clients that hold the most, if that is more than `held`; of the next
/// largest where the largest have none that may be evicted. So no client loses a connection to
/// one that would then hold more than it does itself. False where nothing was evicted.
pub fn evict_of_the_largest(held: usize, transport: &Transport) -> bool {
    let mut bound = usize::MAX;
    while let Some(largest) = transport.limits.largest_below(bound) {
        if largest.count() <= held {
            return false;
        }
        if evict(&largest, &transport.parking) {
            return true;
        }
        bound = largest.count();
    }
    false
}

/// Evicts one of [`LOOKED_AT_FOR_ONE`] of these clients' connections, and of each client's; one at
/// least. False where none of them may be evicted.
pub fn evict(holders: &Holders, parking: &Parking) -> bool {
    let now = Instant::now();
    let spares_readers = parking.responding() <= parking.slots() / SPARED_SHARE;
    let order = |parked: &Connection| parked.eviction_order(now, spares_readers);
    let mut candidates: Vec<Candidate> = holders
        .slots()
        .filter_map(|(slot, client)| Some((parking.look(slot, order)??, slot, client)))
        .collect();
    candidates.sort_unstable();
    // What has come and was not read yet is worth a look, which is a system call; so only for
    // about as many as are evicted.
    let few = candidates.len().min(2 * share(holders.total()));
    let is_quiet = |parked: &Connection| !parked.has_news();
    evict_first(&candidates[..few], holders, parking, |parked| (order(parked), is_quiet(parked)))
        || evict_first(&candidates, holders, parking, |parked| (order(parked), true))
}

fn share(count: usize) -> usize {
    (count / LOOKED_AT_FOR_ONE).max(1)
}

/// Evicts the share of these candidates, from the first on. `judge` gives a connection's order as
/// it is now, which is another if it was served meanwhile, and whether it may be evicted.
fn evict_first(
    candidates: &[Candidate],
    holders: &Holders,
    parking: &Parking,
    judge: impl Fn(&Connection) -> (Option<EvictionOrder>, bool),
) -> bool {
    let (most, most_of_each) = (share(holders.total()), share(holders.count()));
    let mut evicted = 0;
    let mut evicted_of = vec![0; holders.clients()];
    for (order, slot, client) in candidates {
        if evicted == most {
            break;
        }
        if evicted_of[*client] < most_of_each
            && parking.evict_if(*slot, |parked| judge(parked) == (Some(*order), true))
        {
            evicted += 1;
            evicted_of[*client] += 1;
        }
    }
    evicted > 0
}

#[cfg(test)]
#[path = "eviction_tests.rs"]
mod tests;
