//! Password hashes: scrypt as PHC strings, one at a time.

use parking_lot::{Condvar, Mutex};
use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{CustomizedPasswordHasher, PasswordVerifier, generate_salt};
use scrypt::{Params, Scrypt};

use crate::error::{Error, Result};

/// N = 2^15, r = 8, p = 3: 32 MiB a hash, as strong by OWASP's table as 2^17/8/1 with 128.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 3;

/// Computes and verifies the hashes of the whole process. One takes 32 MiB and a core for a
/// quarter of a second, so only one is computed at a time: a second one's memory would be a
/// third of all that the process may use. A few callers wait in line, the others get an error
/// that asks them to come back.
pub struct Hasher {
    cost: Cost,
    max_waiting: usize,
    queue: Mutex<Queue>,
    released: Condvar,
}

/// The hash that the password for an unknown name is verified against, so that the response
/// takes as long as for a known one. A constant, because computing it would delay every start.
const DUMMY: &str =
    "$scrypt$ln=15,r=8,p=3$rs8+4oTZNj8rtmKW9avAHA$sPs9KfQBrmhzGWSdI8/iiJEMMeXCJHJZv7WKS3k0Fe0";

/// How hard a hash is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// As strong as stored passwords need.
    Full,
    /// For tests of other things.
    Minimal,
}

/// Callers take numbers, and are served in their order.
#[derive(Default)]
struct Queue {
    next: u64,
    serving: u64,
}

impl Queue {
    /// Callers that are being served or wait.
    fn len(&self) -> usize {
        (self.next - self.serving) as usize
    }
}

impl Hasher {
    /// At most `max_waiting` callers wait while another one is served.
    pub fn new(max_waiting: usize, cost: Cost) -> Hasher {
        Hasher { cost, max_waiting, queue: Mutex::default(), released: Condvar::new() }
    }

    /// A PHC string with a salt of its own.
    pub fn hash(&self, password: &str) -> Result<String> {
        let _permit = self.acquire()?;
        let salt = generate_salt();
        let params = self.params()?;
        let hash = Scrypt::new()
            .hash_password_customized(password.as_bytes(), &salt, None, None, params)
            .map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Whether `password` has this hash. With no `hash` it takes as long, and is false.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let _permit = self.acquire()?;
        let parsed = PasswordHash::new(hash.unwrap_or(DUMMY)).map_err(Error::internal)?;
        let matches = Scrypt::new().verify_password(password.as_bytes(), &parsed).is_ok();
        Ok(matches && hash.is_some())
    }

    /// Whether `hash` was made with other parameters than new hashes are.
    pub fn is_outdated(&self, hash: &str) -> bool {
        let Ok(params) = self.params() else { return false };
        let parsed = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        parsed.is_none_or(|found| {
            (found.log_n(), found.r(), found.p()) != (params.log_n(), params.r(), params.p())
        })
    }

    /// Callers that wait in line.
    pub fn waiting(&self) -> usize {
        self.queue.lock().len().saturating_sub(1)
    }

    /// Whether another caller would be rejected.
    pub fn is_queue_full(&self) -> bool {
        self.queue.lock().len() > self.max_waiting
    }

    fn params(&self) -> Result<Params> {
        let (log_n, r, p) = match self.cost {
            Cost::Full => (LOG_N, R, P),
            Cost::Minimal => (4, 8, 1),
        };
        Params::new(log_n, r, p).map_err(Error::internal)
    }

    fn acquire(&self) -> Result<Permit<'_>> {
        let mut queue = self.queue.lock();
        if queue.len() > self.max_waiting {
            return Err(Error::busy("too many passwords are being checked"));
        }
        let number = queue.next;
        queue.next += 1;
        self.released.wait_while(&mut queue, |queue| queue.serving < number);
        Ok(Permit(self))
    }
}

/// The right to compute a hash, given back when dropped.
struct Permit<'a>(&'a Hasher);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().serving += 1;
        self.0.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_a_phc_string_of_the_full_cost_that_only_its_password_fits() {
        let hasher = Hasher::new(1, Cost::Full);
        let hash = hasher.hash("Secure1!").unwrap();
        assert!(hash.starts_with("$scrypt$ln=15,r=8,p=3$"), "{hash}");
        assert!(hasher.verify("Secure1!", Some(&hash)).unwrap());
        assert!(!hasher.verify("secure1!", Some(&hash)).unwrap());
        assert!(!hasher.is_outdated(&hash));
    }

    #[test]
    fn nobodys_password_is_never_right() {
        let hasher = Hasher::new(1, Cost::Minimal);
        assert!(!hasher.verify("nobody's", None).unwrap());
        let full = Hasher::new(1, Cost::Full);
        assert!(!full.is_outdated(DUMMY), "the dummy must cost as much as a real hash");
    }

    #[test]
    fn a_hash_of_other_parameters_is_outdated_and_still_fits() {
        let weak = Hasher::new(1, Cost::Minimal);
        let strong = Hasher::new(1, Cost::Full);
        let hash = weak.hash("Secure1!").unwrap();
        assert!(strong.is_outdated(&hash));
        assert!(strong.verify("Secure1!", Some(&hash)).unwrap());
    }

    #[test]
    fn callers_are_served_in_the_order_of_their_arrival() {
        let hasher = Hasher::new(3, Cost::Minimal);
        let served = Mutex::new(Vec::new());
        let permit = hasher.acquire().unwrap();
        std::thread::scope(|scope| {
            for number in 1..=3 {
                let (hasher, served) = (&hasher, &served);
                scope.spawn(move || {
                    let _permit = hasher.acquire().unwrap();
                    served.lock().push(number);
                });
                while hasher.waiting() < number {
                    std::thread::yield_now();
                }
            }
            assert!(hasher.is_queue_full());
            drop(permit);
        });
        assert_eq!(*served.lock(), [1, 2, 3]);
        assert_eq!(hasher.waiting(), 0);
    }

    #[test]
    fn past_the_queue_a_caller_is_told_to_come_back() {
        let hasher = Hasher::new(0, Cost::Minimal);
        let permit = hasher.acquire().unwrap();
        assert!(matches!(hasher.hash("x"), Err(Error::Unavailable(_))));
        drop(permit);
        assert!(hasher.hash("x").is_ok());
    }

    #[test]
    fn the_password_of_nobody_takes_its_place_in_line_like_anyones() {
        let hasher = Hasher::new(0, Cost::Minimal);
        let permit = hasher.acquire().unwrap();
        assert!(matches!(hasher.verify("x", None), Err(Error::Unavailable(_))));
        drop(permit);
        assert!(!hasher.verify("x", None).unwrap());
    }
}
