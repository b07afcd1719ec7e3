//! Token buckets in memory.
//!
//! A bucket holds [`Rate::requests`] tokens and gets one back every `window / requests`.
//! The caller passes the time, so that the same calls always have the same results.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

/// Most buckets of one limiter. Keys beyond them share one bucket, so that a flood of
/// addresses costs no memory.
const MAX_BUCKETS: usize = 65_536;

/// A number of requests in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub requests: u32,
    pub window: Duration,
}

/// A bucket after a request, or as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketState {
    pub allowed: bool,
    /// Whole tokens left.
    pub remaining: u32,
    /// Time until the next token; zero when the bucket is full.
    pub next_token: Duration,
}

/// One bucket for each key.
pub struct Limiter<K> {
    rate: Rate,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    by_key: HashMap<K, Bucket>,
    /// Shared by the keys beyond [`MAX_BUCKETS`].
    overflow: Bucket,
    swept_at: Duration,
}

/// A bucket is stored as the time at which it will be full again (the "theoretical arrival
/// time" of the generic cell rate algorithm, ITU-T I.371), so that nothing has to refill it.
#[derive(Clone, Copy, Default)]
struct Bucket {
    full_at: Duration,
}

impl Rate {
    /// Time until a spent token comes back.
    fn interval(&self) -> Duration {
        self.window / self.requests.max(1)
    }

    /// `5 per 1 minute`: the window in the largest unit that divides it.
    pub fn describe(&self) -> String {
        let secs = self.window.as_secs();
        let (count, unit) = match secs {
            _ if secs.is_multiple_of(86_400) => (secs / 86_400, "day"),
            _ if secs.is_multiple_of(3600) => (secs / 3600, "hour"),
            _ if secs.is_multiple_of(60) => (secs / 60, "minute"),
            _ => (secs, "second"),
        };
        let plural = if count == 1 { "" } else { "s" };
        format!("{} per {count} {unit}{plural}", self.requests)
    }
}

impl<K: Hash + Eq> Limiter<K> {
    pub fn new(rate: Rate) -> Limiter<K> {
        let buckets = Buckets {
            by_key: HashMap::new(),
            overflow: Bucket::default(),
            swept_at: Duration::ZERO,
        };
        Limiter { rate, buckets: Mutex::new(buckets) }
    }

    /// Takes a token, if there is one.
    pub fn spend(&self, key: K, now: Duration) -> BucketState {
        let mut buckets = self.buckets.lock();
        let rate = self.rate;
        buckets.of(key, now, &rate).spend(&rate, now)
    }

    /// The bucket's state; takes no token.
    pub fn peek(&self, key: &K, now: Duration) -> BucketState {
        let buckets = self.buckets.lock();
        buckets.by_key.get(key).copied().unwrap_or_default().peek(&self.rate, now)
    }

    /// Gives back a token that was spent.
    pub fn refund(&self, key: &K, now: Duration) {
        let interval = self.rate.interval();
        if let Some(bucket) = self.buckets.lock().by_key.get_mut(key) {
            bucket.full_at = bucket.full_at.saturating_sub(interval).max(now);
        }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }
}

impl<K: Hash + Eq> Buckets<K> {
    fn of(&mut self, key: K, now: Duration, rate: &Rate) -> &mut Bucket {
        if self.by_key.len() >= MAX_BUCKETS && !self.by_key.contains_key(&key) {
            self.sweep(now, rate);
            if self.by_key.len() >= MAX_BUCKETS {
                return &mut self.overflow;
            }
        }
        self.by_key.entry(key).or_default()
    }

    /// Forgets the buckets that are full again. At most once per interval, since during a
    /// flood every request would otherwise walk through all of them.
    fn sweep(&mut self, now: Duration, rate: &Rate) {
        if now.saturating_sub(self.swept_at) >= rate.interval() {
            self.swept_at = now;
            self.by_key.retain(|_, bucket| bucket.full_at > now);
        }
    }
}

impl Bucket {
    fn spend(&mut self, rate: &Rate, now: Duration) -> BucketState {
        let before = self.peek(rate, now);
        if !before.allowed {
            return before;
        }
        self.full_at = self.full_at.max(now) + rate.interval();
        BucketState { allowed: true, ..self.peek(rate, now) }
    }

    fn peek(&self, rate: &Rate, now: Duration) -> BucketState {
        let interval_nanos = rate.interval().as_nanos().max(1);
        let debt_nanos = self.full_at.saturating_sub(now).as_nanos();
        let spent = debt_nanos.div_ceil(interval_nanos);
        let remaining = u128::from(rate.requests).saturating_sub(spent) as u32;
        let next_nanos = match debt_nanos % interval_nanos {
            0 if debt_nanos > 0 => interval_nanos,
            rest => rest,
        };
        let next_token = Duration::from_nanos(next_nanos as u64);
        BucketState { allowed: remaining > 0, remaining, next_token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { requests: 5, window: Duration::from_secs(60) };
    const START: Duration = Duration::from_secs(1000);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn five_pass_and_the_sixth_waits_for_a_twelfth_of_the_minute() {
        let limiter = Limiter::new(RATE);
        for left in (0..5).rev() {
            let state = limiter.spend("ann", START);
            assert_eq!(state, BucketState { allowed: true, remaining: left, next_token: secs(12) });
        }
        let refused = limiter.spend("ann", START);
        assert_eq!(refused, BucketState { allowed: false, remaining: 0, next_token: secs(12) });
        assert!(!limiter.spend("ann", START + Duration::from_millis(11_999)).allowed);
        assert!(limiter.spend("ann", START + secs(12)).allowed);
        assert!(!limiter.spend("ann", START + secs(12)).allowed);
    }

    #[test]
    fn one_caller_costs_another_nothing() {
        let limiter = Limiter::new(RATE);
        for _ in 0..9 {
            limiter.spend("ann", START);
        }
        assert_eq!(limiter.spend("ben", START).remaining, 4);
    }

    #[test]
    fn a_full_bucket_holds_no_more_than_its_size() {
        let limiter = Limiter::new(RATE);
        limiter.spend("ann", START);
        let later = START + secs(86_400);
        let allowed = (0..9).filter(|_| limiter.spend("ann", later).allowed).count();
        assert_eq!(allowed, 5);
        assert_eq!(
            limiter.peek(&"ben", later),
            BucketState { allowed: true, remaining: 5, next_token: secs(0) }
        );
    }

    #[test]
    fn a_refund_gives_back_what_was_taken_and_never_more() {
        let limiter = Limiter::new(RATE);
        limiter.spend("ann", START);
        limiter.refund(&"ann", START);
        limiter.refund(&"ann", START);
        assert_eq!(limiter.peek(&"ann", START).remaining, 5);
    }

    #[test]
    fn strangers_beyond_the_bound_share_one_bucket_until_others_are_full_again() {
        let limiter = Limiter::new(RATE);
        for key in 0..MAX_BUCKETS {
            limiter.spend(key, START);
        }
        let strangers = MAX_BUCKETS..MAX_BUCKETS + 20;
        let allowed = strangers.filter(|key| limiter.spend(*key, START).allowed).count();
        assert_eq!(allowed, 5);
        assert_eq!(limiter.buckets.lock().by_key.len(), MAX_BUCKETS);
        assert!(limiter.spend(usize::MAX, START + secs(13)).allowed);
        assert_eq!(limiter.buckets.lock().by_key.len(), 1);
    }

    #[test]
    fn a_rate_is_described_in_its_largest_whole_unit() {
        let describe =
            |requests, secs| Rate { requests, window: Duration::from_secs(secs) }.describe();
        assert_eq!(describe(5, 60), "5 per 1 minute");
        assert_eq!(describe(5, 30), "5 per 30 seconds");
        assert_eq!(describe(100, 7200), "100 per 2 hours");
        assert_eq!(describe(1, 90), "1 per 90 seconds");
        assert_eq!(describe(1, 86_400), "1 per 1 day");
    }
}
