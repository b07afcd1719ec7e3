//! Which buckets there are, and who spends from them.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use parking_lot::Mutex;

use super::Context;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{UserId, Username, network};
use crate::error::{Error, RateLimited, Result};
use crate::limiter::{Limiter, Rate, Standing};
use crate::metrics::{Counter, Metrics};

/// Addresses kept for each user who has logged in; the oldest gives way.
const KNOWN_ADDRESSES: usize = 16;

/// A limited route; prints as the name in headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Login,
    Register,
    Orders,
    /// Changes of one's own password, each of which checks the old one.
    Password,
}

/// Where a caller stands with one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStanding {
    pub limit: Limit,
    pub rate: Rate,
    pub standing: Standing,
}

/// All buckets; none of them is there when `RATE_LIMIT_REQUESTS=0`.
pub struct Limits {
    clock: Clock,
    buckets: Option<Buckets>,
    refused: [Counter; 4],
}

struct Buckets {
    login: Limiter<IpAddr>,
    /// Failed logins by name, hashed: names that nobody has are not kept.
    failures: Limiter<u64>,
    names: RandomState,
    register: Limiter<UserId>,
    orders: Limiter<UserId>,
    passwords: Limiter<UserId>,
    /// From where each user has logged in since the start.
    known: Mutex<HashMap<u64, VecDeque<IpAddr>>>,
}

/// A token taken before a password is checked, given back if it was right.
pub(super) struct Guess {
    name: u64,
    /// Where the caller stood before, if the guess is told in the headers.
    before: Option<LimitStanding>,
}

impl Limits {
    pub fn new(config: &Config, clock: Clock, metrics: &Metrics) -> Limits {
        let rate = Rate { requests: config.rate_limit_requests, window: config.rate_window() };
        let buckets = (rate.requests > 0).then(|| Buckets {
            login: Limiter::new(rate),
            failures: Limiter::new(rate),
            names: RandomState::new(),
            register: Limiter::new(rate),
            orders: Limiter::new(rate),
            passwords: Limiter::new(rate),
            known: Mutex::default(),
        });
        let refused = [Limit::Login, Limit::Register, Limit::Orders, Limit::Password]
            .map(|limit| metrics.rate_limited(limit.as_str()));
        Limits { clock, buckets, refused }
    }

    /// Takes a token for the address.
    pub fn spend_by_client(&self, limit: Limit, cx: &Context) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let standing = buckets.login.spend(network::of(cx.client), self.clock.uptime());
        self.meet(limit, buckets.login.rate(), standing, cx)
    }

    /// Takes a token for the user.
    pub fn spend_by_user(&self, limit: Limit, user: UserId, cx: &Context) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let limiter = match limit {
            Limit::Register => &buckets.register,
            Limit::Password => &buckets.passwords,
            Limit::Orders | Limit::Login => &buckets.orders,
        };
        let standing = limiter.spend(user, self.clock.uptime());
        self.meet(limit, limiter.rate(), standing, cx)
    }

    /// Takes a token for a guess at that user's password. An empty bucket refuses only
    /// addresses from which the user hasn't logged in, so that nobody is locked out.
    pub(super) fn begin_guess(&self, username: &str, cx: &Context) -> Result<Option<Guess>> {
        let Some(buckets) = &self.buckets else { return Ok(None) };
        let name = buckets.names.hash_one(Username::fold(username));
        let standing = buckets.failures.spend(name, self.clock.uptime());
        if buckets.knows(name, network::of(cx.client)) {
            return Ok(standing.allowed.then_some(Guess { name, before: None }));
        }
        let before = cx.standing();
        self.meet(Limit::Login, buckets.failures.rate(), standing, cx)?;
        Ok(Some(Guess { name, before }))
    }

    /// The password was right: the guess costs nothing, and the address is known.
    pub(super) fn forgive(&self, username: &str, guess: Option<Guess>, cx: &Context) {
        self.withdraw(guess, cx);
        if let Some(buckets) = &self.buckets {
            buckets
                .remember(buckets.names.hash_one(Username::fold(username)), network::of(cx.client));
        }
    }

    /// The password was not looked at, or was right: the guess costs nothing.
    pub(super) fn withdraw(&self, guess: Option<Guess>, cx: &Context) {
        let Some(buckets) = &self.buckets else { return };
        if let Some(Guess { name, before }) = guess {
            let now = self.clock.uptime();
            buckets.failures.refund(&name, now);
            if let Some(before) = before {
                let (rate, standing) = (buckets.failures.rate(), buckets.failures.peek(&name, now));
                cx.restore(before);
                cx.meet(LimitStanding { limit: Limit::Login, rate, standing });
            }
        }
    }

    fn meet(&self, limit: Limit, rate: Rate, standing: Standing, cx: &Context) -> Result<()> {
        cx.meet(LimitStanding { limit, rate, standing });
        if standing.allowed {
            return Ok(());
        }
        self.refused[limit as usize].inc();
        Err(Error::RateLimited(RateLimited {
            requests: rate.requests,
            window: rate.window,
            retry_after: standing.next_token,
        }))
    }
}

impl Buckets {
    fn knows(&self, name: u64, client: IpAddr) -> bool {
        let known = self.known.lock();
        known.get(&name).is_some_and(|addresses| addresses.contains(&client))
    }

    /// Only names of users get here, so that the map is bounded by their number.
    fn remember(&self, name: u64, client: IpAddr) {
        let mut known = self.known.lock();
        let addresses = known.entry(name).or_default();
        if addresses.contains(&client) {
            return;
        }
        if addresses.len() >= KNOWN_ADDRESSES {
            addresses.pop_front();
        }
        addresses.push_back(client);
    }
}

impl LimitStanding {
    pub fn is_tighter_than(&self, other: &LimitStanding) -> bool {
        let room = |it: &LimitStanding| (it.standing.allowed, it.standing.remaining);
        room(self) < room(other)
    }
}

impl Limit {
    pub fn as_str(self) -> &'static str {
        match self {
            Limit::Login => "login",
            Limit::Register => "register",
            Limit::Orders => "orders",
            Limit::Password => "password",
        }
    }
}
