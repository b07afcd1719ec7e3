//! Token buckets in memory.
//!
//! A bucket holds [`Rate::requests`] tokens and gets one back every `window / requests`.
//! The caller passes the time, so that the same calls always have the same results.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

/// Most buckets of one limiter, about 6 MB. A flood of keys costs no more memory than that.
const MAX_BUCKETS: usize = 65_536;

/// A number of requests in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// 0 stands for no limit: then nobody asks the limiter.
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

/// No bucket is shared. Past the bound the one that is nearest to full is forgotten: that gives
/// its key at most the tokens back that it would have got next.
struct Buckets<K> {
    by_key: HashMap<K, Bucket>,
    /// The same, the first one to be full again first.
    by_time: BTreeSet<(Duration, K)>,
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

impl<K: Copy + Hash + Ord> Limiter<K> {
    pub fn new(rate: Rate) -> Limiter<K> {
        let buckets = Buckets { by_key: HashMap::new(), by_time: BTreeSet::new() };
        Limiter { rate, buckets: Mutex::new(buckets) }
    }

    /// Takes a token, if there is one.
    pub fn spend(&self, key: K, now: Duration) -> BucketState {
        let mut buckets = self.buckets.lock();
        let mut bucket = buckets.get(&key);
        let state = bucket.spend(&self.rate, now);
        buckets.put(key, bucket, now);
        state
    }

    /// The bucket's state; takes no token.
    pub fn peek(&self, key: &K, now: Duration) -> BucketState {
        self.buckets.lock().get(key).peek(&self.rate, now)
    }

    /// Gives back a token that was spent.
    pub fn refund(&self, key: K, now: Duration) {
        let mut buckets = self.buckets.lock();
        let full_at = buckets.get(&key).full_at.saturating_sub(self.rate.interval());
        buckets.put(key, Bucket { full_at }, now);
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }
}

impl<K: Copy + Hash + Ord> Buckets<K> {
    /// A key that has no bucket has a full one.
    fn get(&self, key: &K) -> Bucket {
        self.by_key.get(key).copied().unwrap_or_default()
    }

    fn put(&mut self, key: K, bucket: Bucket, now: Duration) {
        if let Some(before) = self.by_key.remove(&key) {
            self.by_time.remove(&(before.full_at, key));
        }
        while let Some((full_at, first)) = self.by_time.first().copied()
            && (full_at <= now || self.by_key.len() >= MAX_BUCKETS)
        {
            self.by_time.pop_first();
            self.by_key.remove(&first);
        }
        if bucket.full_at > now {
            self.by_key.insert(key, bucket);
            self.by_time.insert((bucket.full_at, key));
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
        limiter.refund("ann", START);
        limiter.refund("ann", START);
        assert_eq!(limiter.peek(&"ann", START).remaining, 5);
    }

    #[test]
    fn a_newcomer_has_a_bucket_of_its_own_however_many_others_there_are() {
        let limiter = Limiter::new(RATE);
        let newcomer = usize::MAX;
        for key in 0..MAX_BUCKETS {
            limiter.spend(key, START);
            limiter.spend(key, START);
        }
        for left in (0..5).rev() {
            assert_eq!(limiter.spend(newcomer, START).remaining, left);
        }
        assert!(!limiter.spend(newcomer, START).allowed);
        assert_eq!(limiter.buckets.lock().by_key.len(), MAX_BUCKETS);
    }

    #[test]
    fn past_the_bound_the_bucket_that_is_nearest_to_full_is_forgotten() {
        let limiter = Limiter::new(RATE);
        limiter.spend(MAX_BUCKETS, START);
        for key in 0..MAX_BUCKETS {
            limiter.spend(key, START);
            limiter.spend(key, START);
        }
        assert_eq!(limiter.peek(&MAX_BUCKETS, START).remaining, 5);
        assert_eq!(limiter.peek(&0, START).remaining, 3);
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let limiter = Limiter::new(RATE);
        for key in 0..100 {
            limiter.spend(key, START);
        }
        limiter.refund(100, START);
        limiter.spend(101, START + secs(12));
        let buckets = limiter.buckets.lock();
        assert_eq!((buckets.by_key.len(), buckets.by_time.len()), (1, 1));
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
