//! The buckets of all rate limits, and who spends from them.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::domain::{UserId, Username, network};
use crate::error::{Error, RateLimited, Result};
use crate::limiter::{BucketState, Limiter, Rate};
use crate::metrics::{Counter, Metrics};

use super::caller::Caller;
use super::context::Context;
use super::limit::{ClientLimit, Limit, LimitState, UserLimit};

/// Addresses that are remembered for each user who has logged in; a new one replaces the
/// oldest.
const KNOWN_ADDRESSES: usize = 16;

pub struct Limits {
    clock: Clock,
    /// `RATE_LIMIT_REQUESTS=0`: logins are not limited.
    is_off: bool,
    login: RouteLimiter<IpAddr>,
    /// Failed logins by hash of the name: names that no user has are not kept.
    failed_logins: RouteLimiter<u64>,
    name_hasher: RandomState,
    register: RouteLimiter<UserId>,
    orders: RouteLimiter<UserId>,
    password: RouteLimiter<UserId>,
    /// The addresses from which each user has logged in since the start, by hash of the name.
    known: Mutex<HashMap<u64, VecDeque<IpAddr>>>,
}

/// One limit's buckets, and the count of requests that it has rejected.
struct RouteLimiter<K> {
    limit: Limit,
    limiter: Limiter<K>,
    rejected: Counter,
}

/// The token that a login takes before its password is checked. It is given back unless the
/// password is wrong.
#[derive(Clone, Copy)]
pub(super) struct LoginAttempt {
    name_hash: u64,
    /// The limit state before this attempt, if the attempt shows in the headers.
    before: Option<LimitState>,
}

impl Limits {
    /// Creates of orders have a rate of their own. 0 requests are no limit.
    pub fn new(rate: Rate, orders: Rate, clock: Clock, metrics: &Metrics) -> Limits {
        Limits {
            clock,
            is_off: rate.requests == 0,
            login: RouteLimiter::new(Limit::LOGIN, rate, metrics),
            failed_logins: RouteLimiter::new(Limit::LOGIN, rate, metrics),
            name_hasher: RandomState::new(),
            register: RouteLimiter::new(Limit::REGISTER, rate, metrics),
            orders: RouteLimiter::new(Limit::ORDERS, orders, metrics),
            password: RouteLimiter::new(Limit::PASSWORD, rate, metrics),
            known: Mutex::default(),
        }
    }

    /// Takes a token of the client's address or of the user, as the limit says.
    ///
    /// # Errors
    /// The bucket is empty, or a limit by user meets a caller who is none.
    pub fn spend(&self, limit: Limit, caller: &Caller, cx: &Context) -> Result<()> {
        let now = self.clock.uptime();
        match limit {
            Limit::ByClient(ClientLimit::Login) => {
                self.login.spend(network::of(cx.client), now, cx)
            }
            Limit::ByUser(limit) => self.by_user(limit).spend(caller.require_user()?, now, cx),
        }
    }

    fn by_user(&self, limit: UserLimit) -> &RouteLimiter<UserId> {
        match limit {
            UserLimit::Register => &self.register,
            UserLimit::Orders => &self.orders,
            UserLimit::Password => &self.password,
        }
    }

    /// Takes a token for a login under that name. An empty bucket rejects only addresses from
    /// which the user hasn't logged in before: failures of others don't lock a user out.
    pub(super) fn begin_login(&self, username: &str, cx: &Context) -> Result<Option<LoginAttempt>> {
        if self.is_off {
            return Ok(None);
        }
        let name_hash = self.name_hasher.hash_one(Username::fold(username));
        let bucket = self.failed_logins.limiter.spend(name_hash, self.clock.uptime());
        if self.knows(name_hash, network::of(cx.client)) {
            return Ok(bucket.allowed.then_some(LoginAttempt { name_hash, before: None }));
        }
        let before = cx.limit_state();
        self.failed_logins.report(bucket, cx)?;
        Ok(Some(LoginAttempt { name_hash, before }))
    }

    /// The password was right: gives the token back and remembers the address.
    pub(super) fn login_succeeded(&self, attempt: Option<LoginAttempt>, cx: &Context) {
        if let Some(LoginAttempt { name_hash, .. }) = attempt {
            self.remember(name_hash, network::of(cx.client));
        }
        self.refund(attempt, cx);
    }

    /// Gives the token back: the password was right, or was never checked.
    pub(super) fn refund(&self, attempt: Option<LoginAttempt>, cx: &Context) {
        let Some(LoginAttempt { name_hash, before }) = attempt else { return };
        let now = self.clock.uptime();
        let limiter = &self.failed_logins.limiter;
        limiter.refund(&name_hash, now);
        if let Some(before) = before {
            cx.restore_limit_state(before);
            cx.meet_limit(self.failed_logins.state(limiter.peek(&name_hash, now)));
        }
    }

    fn knows(&self, name_hash: u64, client: IpAddr) -> bool {
        self.known.lock().get(&name_hash).is_some_and(|addresses| addresses.contains(&client))
    }

    /// Called only after a right password, so that the map has at most an entry for each user.
    fn remember(&self, name_hash: u64, client: IpAddr) {
        let mut known = self.known.lock();
        let addresses = known.entry(name_hash).or_default();
        if addresses.contains(&client) {
            return;
        }
        if addresses.len() >= KNOWN_ADDRESSES {
            addresses.pop_front();
        }
        addresses.push_back(client);
    }
}

impl<K: Hash + Eq> RouteLimiter<K> {
    fn new(limit: Limit, rate: Rate, metrics: &Metrics) -> RouteLimiter<K> {
        let rejected = metrics.rate_limited(limit.as_str());
        RouteLimiter { limit, limiter: Limiter::new(rate), rejected }
    }

    fn spend(&self, key: K, now: Duration, cx: &Context) -> Result<()> {
        if self.limiter.rate().requests == 0 {
            return Ok(());
        }
        self.report(self.limiter.spend(key, now), cx)
    }

    /// Keeps the bucket's state for the response's headers; an error if no token was left.
    fn report(&self, bucket: BucketState, cx: &Context) -> Result<()> {
        cx.meet_limit(self.state(bucket));
        if bucket.allowed {
            return Ok(());
        }
        self.rejected.inc();
        let Rate { requests, window } = self.limiter.rate();
        let retry_after = bucket.next_token;
        Err(Error::RateLimited(RateLimited { requests, window, retry_after }))
    }

    fn state(&self, bucket: BucketState) -> LimitState {
        LimitState { limit: self.limit, rate: self.limiter.rate(), bucket }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::Role;
    use crate::error::ErrorKind;

    const ALL: [Limit; 4] = [Limit::LOGIN, Limit::REGISTER, Limit::ORDERS, Limit::PASSWORD];
    const ANN: Caller = Caller::User { id: UserId(1), role: Role::User };

    fn limits(requests: u32, metrics: &Metrics) -> Limits {
        let rate = Rate { requests, window: Duration::from_secs(60) };
        Limits::new(rate, rate, Clock::fixed(Timestamp::EPOCH), metrics)
    }

    #[test]
    fn every_limit_spends_from_its_own_bucket_and_counts_its_own_rejections() {
        let metrics = Metrics::new();
        let limits = limits(1, &metrics);
        for limit in ALL {
            let cx = Context::local();
            limits.spend(limit, &ANN, &cx).unwrap();
            let rejected = limits.spend(limit, &ANN, &cx).unwrap_err();
            assert_eq!(rejected.kind(), ErrorKind::RateLimited);
            assert_eq!(cx.limit_state().unwrap().limit, limit);
        }
        let text = metrics.render().text;
        for limit in ALL {
            let line =
                format!("orderd_rate_limited_requests_total{{limit=\"{}\"}} 1\n", limit.as_str());
            assert!(text.contains(&line), "{line} in {text}");
        }
    }

    #[test]
    fn a_limit_by_client_counts_by_address_and_one_by_user_by_user() {
        let limits = limits(1, &Metrics::new());
        let ben = Caller::User { id: UserId(2), role: Role::User };
        let elsewhere = Context::new("-".into(), IpAddr::from([192, 0, 2, 1]));
        for limit in ALL {
            limits.spend(limit, &ANN, &Context::local()).unwrap();
        }
        for limit in [Limit::REGISTER, Limit::ORDERS, Limit::PASSWORD] {
            assert!(limits.spend(limit, &ANN, &elsewhere).is_err());
            limits.spend(limit, &ben, &Context::local()).unwrap();
        }
        assert!(limits.spend(Limit::LOGIN, &ben, &Context::local()).is_err());
        limits.spend(Limit::LOGIN, &Caller::Anonymous, &elsewhere).unwrap();
    }

    #[test]
    fn a_limit_by_user_never_counts_an_anonymous_caller_as_a_client() {
        let limits = limits(1, &Metrics::new());
        let cx = Context::local();
        let rejected = limits.spend(Limit::ORDERS, &Caller::Anonymous, &cx).unwrap_err();
        assert_eq!(rejected.kind(), ErrorKind::Unauthenticated);
        limits.spend(Limit::LOGIN, &Caller::Anonymous, &cx).unwrap();
    }
}
