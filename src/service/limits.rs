//! The buckets of all rate limits, and who spends from them.

use std::hash::{BuildHasher, RandomState};

use crate::clock::Clock;
use crate::domain::{Network, UserId, Username};
use crate::error::{Error, RateLimited, Result, Unavailable};
use crate::limiter::{BucketState, Limiter, Rate};
use crate::metrics::{Counter, Metrics};
use crate::store::Store;

use super::caller::Caller;
use super::client_limiter::ClientLimiter;
use super::context::Context;
use super::limit::{ClientLimit, Limit, LimitState, Spent, UserLimit};

/// The bucket of a name holds so many times the tokens of an address.
const NAME_FACTOR: u32 = 10;

/// The buckets of all limits.
pub struct Limits {
    clock: Clock,
    store: Store,
    /// `RATE_LIMIT_REQUESTS=0`: logins are not limited.
    is_off: bool,
    login: ClientLimiter,
    /// Failed logins by hash of the name: names that no user has are not kept.
    failed_logins: Limiter<u64>,
    name_hasher: RandomState,
    logins_rejected: Counter,
    register: RouteLimiter,
    orders: RouteLimiter,
    password: RouteLimiter,
}

/// The buckets of users on one route, and the count of requests that were rejected.
struct RouteLimiter {
    limiter: Limiter<UserId>,
    rejected: Counter,
}

/// The token of a name that a login takes before its password is checked. It is given back
/// unless the password is wrong.
#[derive(Clone, Copy)]
pub(super) struct LoginAttempt {
    name_hash: u64,
    /// The limit state before this attempt, if the attempt shows in the headers.
    before: Option<LimitState>,
}

impl Limits {
    /// Creates of orders have a rate of their own. 0 requests are no limit.
    pub fn new(rate: Rate, orders: Rate, store: Store, clock: Clock, metrics: &Metrics) -> Limits {
        let of_name = Rate { requests: rate.requests.saturating_mul(NAME_FACTOR), ..rate };
        Limits {
            clock,
            store,
            is_off: rate.requests == 0,
            login: ClientLimiter::new(rate),
            failed_logins: Limiter::new(of_name),
            name_hasher: RandomState::new(),
            logins_rejected: metrics.rate_limited(Limit::LOGIN.as_str()),
            register: RouteLimiter::new(UserLimit::Register, rate, metrics),
            orders: RouteLimiter::new(UserLimit::Orders, orders, metrics),
            password: RouteLimiter::new(UserLimit::Password, rate, metrics),
        }
    }

    /// Takes a token of the client's address or of the user, as the limit says.
    ///
    /// # Errors
    /// The bucket is empty, or a limit by user meets a caller who is none.
    pub fn spend(&self, limit: Limit, caller: &Caller, cx: &Context) -> Result<()> {
        let now = self.clock.uptime();
        let (spent, bucket, rate, rejected) = match limit {
            Limit::ByClient(ClientLimit::Login) if self.is_off => return Ok(()),
            Limit::ByClient(ClientLimit::Login) => {
                let client = Network::of(cx.client);
                let is_known = self.is_known(client);
                let (bucket, rate) = self.login.spend(client, is_known, now);
                (Spent::ByClient { client, is_known }, bucket, rate, &self.logins_rejected)
            }
            Limit::ByUser(limit) => {
                let (user, by_user) = (caller.require_user()?, self.by_user(limit));
                if by_user.limiter.rate().requests == 0 {
                    return Ok(());
                }
                let bucket = by_user.limiter.spend(user, now);
                let rate = by_user.limiter.rate();
                (Spent::ByUser { limit, user }, bucket, rate, &by_user.rejected)
            }
        };
        cx.note_spent(spent);
        report(LimitState { limit, rate, bucket }, rejected, cx)
    }

    /// Gives back what a request has spent that was then not looked at for want of room.
    pub fn refund_unless_served<T>(&self, result: &Result<T>, cx: &Context) {
        if !matches!(result, Err(Error::Unavailable(Unavailable::Busy { .. }))) {
            return;
        }
        let Some(spent) = cx.take_spent() else { return };
        let now = self.clock.uptime();
        let (limit, (bucket, rate)) = match spent {
            Spent::ByClient { client, is_known } => {
                (Limit::LOGIN, self.login.refund(client, is_known, now))
            }
            Spent::ByUser { limit, user } => {
                let RouteLimiter { limiter, .. } = self.by_user(limit);
                limiter.refund(user, now);
                (Limit::ByUser(limit), (limiter.peek(&user, now), limiter.rate()))
            }
        };
        cx.restore_limit_state(LimitState { limit, rate, bucket });
    }

    /// Whether a user has logged in from there: then neighbours share none of its tokens. Where
    /// the store can't tell, nobody is kept out for it.
    fn is_known(&self, client: Network) -> bool {
        let read = self.store.read();
        read.and_then(|snapshot| snapshot.is_known_network(client)).unwrap_or(true)
    }

    fn by_user(&self, limit: UserLimit) -> &RouteLimiter {
        match limit {
            UserLimit::Register => &self.register,
            UserLimit::Orders => &self.orders,
            UserLimit::Password => &self.password,
        }
    }

    /// Takes a token for a login under that name. An empty bucket rejects only strangers: who
    /// `is_known`, because that user has logged in from there before, is locked out by nobody.
    pub(super) fn begin_login(
        &self,
        username: &str,
        is_known: bool,
        cx: &Context,
    ) -> Result<Option<LoginAttempt>> {
        if self.is_off {
            return Ok(None);
        }
        let name_hash = self.name_hasher.hash_one(Username::fold(username));
        let bucket = self.failed_logins.spend(name_hash, self.clock.uptime());
        if is_known {
            return Ok(bucket.allowed.then_some(LoginAttempt { name_hash, before: None }));
        }
        let before = cx.limit_state();
        report(self.name_state(bucket), &self.logins_rejected, cx)?;
        Ok(Some(LoginAttempt { name_hash, before }))
    }

    /// Gives the name's token back: the password was right, or was never checked.
    pub(super) fn refund_name(&self, attempt: Option<LoginAttempt>, cx: &Context) {
        let Some(LoginAttempt { name_hash, before }) = attempt else { return };
        let now = self.clock.uptime();
        self.failed_logins.refund(name_hash, now);
        if let Some(before) = before {
            cx.restore_limit_state(before);
            cx.meet_limit(self.name_state(self.failed_logins.peek(&name_hash, now)));
        }
    }

    fn name_state(&self, bucket: BucketState) -> LimitState {
        LimitState { limit: Limit::LOGIN, rate: self.failed_logins.rate(), bucket }
    }
}

impl RouteLimiter {
    fn new(limit: UserLimit, rate: Rate, metrics: &Metrics) -> RouteLimiter {
        let rejected = metrics.rate_limited(Limit::ByUser(limit).as_str());
        RouteLimiter { limiter: Limiter::new(rate), rejected }
    }
}

/// Keeps the bucket's state for the response's headers; an error if no token was left.
fn report(state: LimitState, rejected: &Counter, cx: &Context) -> Result<()> {
    cx.meet_limit(state);
    if state.bucket.allowed {
        return Ok(());
    }
    rejected.inc();
    let Rate { requests, window } = state.rate;
    let retry_after = state.bucket.next_token;
    Err(Error::RateLimited(RateLimited { requests, window, retry_after }))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::Role;
    use crate::error::ErrorKind;

    const ALL: [Limit; 4] = [Limit::LOGIN, Limit::REGISTER, Limit::ORDERS, Limit::PASSWORD];
    const ANN: Caller = Caller::User { id: UserId(1), role: Role::User, key: None };

    fn limits(requests: u32, metrics: &Metrics) -> Limits {
        let rate = Rate { requests, window: Duration::from_secs(60) };
        let clock = Clock::fixed(Timestamp::EPOCH);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.redb");
        let store = Store::open(&path, clock.clone(), metrics).unwrap();
        Limits::new(rate, rate, store, clock, metrics)
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
        let ben = Caller::User { id: UserId(2), role: Role::User, key: None };
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

    #[test]
    fn what_was_not_looked_at_costs_no_token_and_what_was_refused_does() {
        let limits = limits(5, &Metrics::new());
        let busy = || Err::<(), _>(Error::busy("no room"));
        for limit in ALL {
            for (result, remaining) in [(busy(), 5), (Ok(()), 4), (Err(Error::NotFound), 3)] {
                let cx = Context::local();
                limits.spend(limit, &ANN, &cx).unwrap();
                limits.refund_unless_served(&result, &cx);
                limits.refund_unless_served(&result, &cx);
                assert_eq!(cx.limit_state().unwrap().bucket.remaining, remaining);
            }
        }
    }
}
