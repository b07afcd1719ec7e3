//! Token buckets of client addresses, and of the networks around them.

use std::time::Duration;

use crate::domain::Network;
use crate::limiter::{BucketState, Limiter, Rate};

/// An IPv4 address has one bucket. Of IPv6, whoever has a /64 often has many: so its /56 and its
/// /48 have buckets too, with room for 8 and 32 hosts that use up their own.
pub(super) struct ClientLimiter {
    host: Limiter<Network>,
    sites: [Site; 2],
}

struct Site {
    bits: u32,
    limiter: Limiter<Network>,
}

/// The tightest bucket of a client, and its rate.
pub(super) type Tightest = (BucketState, Rate);

impl ClientLimiter {
    pub fn new(rate: Rate) -> ClientLimiter {
        let site = |bits, hosts| {
            let rate = Rate { requests: rate.requests.saturating_mul(hosts), ..rate };
            Site { bits, limiter: Limiter::new(rate) }
        };
        ClientLimiter { host: Limiter::new(rate), sites: [site(48, 32), site(56, 8)] }
    }

    /// Takes a token of each bucket, or none where one of them is empty. One who `is_known` has
    /// only the bucket of the host: no neighbour can use up what they have.
    pub fn spend(&self, client: Network, is_known: bool, now: Duration) -> Tightest {
        let mut spent: Vec<(&Limiter<Network>, Network)> = Vec::new();
        let mut tightest: Option<Tightest> = None;
        for (limiter, key) in self.buckets(client, is_known) {
            let state = limiter.spend(key, now);
            if !state.allowed {
                spent.into_iter().for_each(|(limiter, key)| limiter.refund(key, now));
                return (state, limiter.rate());
            }
            spent.push((limiter, key));
            tightest = tighter(tightest, (state, limiter.rate()));
        }
        tightest.unwrap_or_else(|| (self.host.peek(&client, now), self.host.rate()))
    }

    /// Gives back what a `spend` has taken.
    pub fn refund(&self, client: Network, is_known: bool, now: Duration) -> Tightest {
        let mut tightest = None;
        for (limiter, key) in self.buckets(client, is_known) {
            limiter.refund(key, now);
            tightest = tighter(tightest, (limiter.peek(&key, now), limiter.rate()));
        }
        tightest.unwrap_or_else(|| (self.host.peek(&client, now), self.host.rate()))
    }

    /// The widest first: a site that has no tokens left makes no buckets for its hosts.
    fn buckets(
        &self,
        client: Network,
        is_known: bool,
    ) -> impl Iterator<Item = (&Limiter<Network>, Network)> {
        let sites = self.sites.iter().filter(move |_| !is_known);
        let sites = sites.filter_map(move |it| Some((&it.limiter, client.site(it.bits)?)));
        sites.chain([(&self.host, client)])
    }
}

fn tighter(met: Option<Tightest>, other: Tightest) -> Option<Tightest> {
    match met {
        Some(met) if met.0.remaining <= other.0.remaining => Some(met),
        _ => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { requests: 5, window: Duration::from_secs(60) };

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    /// How many of 1,000 requests pass that cycle through networks as `{prefix}{number}::1`.
    fn passed(limiter: &ClientLimiter, prefix: &str) -> usize {
        let networks = (0..1000).map(|number| network(&format!("{prefix}{number:x}::1")));
        networks.filter(|net| limiter.spend(*net, false, Duration::ZERO).0.allowed).count()
    }

    #[test]
    fn a_site_has_as_many_tokens_as_its_size_is_worth() {
        let limiter = ClientLimiter::new(RATE);
        assert_eq!(passed(&limiter, "2001:db8:1:"), 160);
        let limiter = ClientLimiter::new(RATE);
        let host = |number| network(&format!("2001:db8:1:{number:x}::1"));
        let in_one_56 =
            |number: &u32| limiter.spend(host(*number), false, Duration::ZERO).0.allowed;
        assert_eq!((0..256).filter(in_one_56).count(), 40);
        assert!(limiter.spend(host(256), false, Duration::ZERO).0.allowed);
    }

    #[test]
    fn a_site_that_is_used_up_takes_nothing_from_others_nor_from_whom_a_user_is_known_by() {
        let limiter = ClientLimiter::new(RATE);
        passed(&limiter, "2001:db8:1:");
        let neighbour = network("2001:db8:1:ffff::1");
        assert!(!limiter.spend(neighbour, false, Duration::ZERO).0.allowed);
        assert_eq!(limiter.spend(neighbour, true, Duration::ZERO).0.remaining, 4);
        let elsewhere = network("2001:db8:2::1");
        assert_eq!(limiter.spend(elsewhere, false, Duration::ZERO).0.remaining, 4);
    }

    #[test]
    fn one_host_that_is_refused_takes_nothing_from_its_site() {
        let limiter = ClientLimiter::new(RATE);
        let greedy = network("2001:db8:1:1::1");
        for _ in 0..200 {
            limiter.spend(greedy, false, Duration::ZERO);
        }
        let sites = limiter.sites.iter();
        let left = sites.map(|it| {
            let site = greedy.site(it.bits).unwrap();
            it.limiter.peek(&site, Duration::ZERO).remaining
        });
        assert_eq!(left.collect::<Vec<_>>(), [155, 35]);
    }

    #[test]
    fn a_refund_gives_back_what_was_taken_of_every_bucket() {
        let limiter = ClientLimiter::new(RATE);
        let host = network("2001:db8:1:1::1");
        for _ in 0..500 {
            assert!(limiter.spend(host, false, Duration::ZERO).0.allowed);
            assert_eq!(limiter.refund(host, false, Duration::ZERO).0.remaining, 5);
        }
    }
}
