//! Password hashes: scrypt as PHC strings, a few at a time.

use parking_lot::{Condvar, Mutex};
use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{CustomizedPasswordHasher, PasswordVerifier, generate_salt};
use scrypt::{Params, Scrypt};

use crate::error::{Error, Result};

/// N = 2^15, r = 8, p = 3: 32 MiB a hash, as strong by OWASP's table as 2^17/8/1 with 128.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 3;

/// Hashes for the whole process. A hash costs 32 MiB and a core for a quarter of a
/// second, so one is computed at a time, a few wait in line, and the rest are told to come
/// back. The memory of a second one would be a third of all that the process may take.
pub struct Hasher {
    cost: Cost,
    max_waiting: usize,
    load: Mutex<Load>,
    released: Condvar,
}

/// What the password of a user who doesn't exist is checked against, so that the answer
/// takes as long. A constant: computing it would hold up every start.
const DUMMY: &str =
    "$scrypt$ln=15,r=8,p=3$rs8+4oTZNj8rtmKW9avAHA$sPs9KfQBrmhzGWSdI8/iiJEMMeXCJHJZv7WKS3k0Fe0";

/// How hard a hash is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// What passwords are worth.
    Full,
    /// For tests that are about something else.
    Minimal,
}

/// A line: tickets are handed out and served in their order, so that nobody overtakes.
#[derive(Default)]
struct Load {
    next: u64,
    serving: u64,
}

impl Load {
    /// Hashes that are computed or wait.
    fn there(&self) -> usize {
        (self.next - self.serving) as usize
    }
}

impl Hasher {
    /// `max_waiting` may wait beside those that are computed.
    pub fn new(max_waiting: usize, cost: Cost) -> Hasher {
        Hasher { cost, max_waiting, load: Mutex::default(), released: Condvar::new() }
    }

    /// A PHC string with a salt of its own.
    pub fn hash(&self, password: &str) -> Result<String> {
        let _turn = self.take_turn()?;
        let salt = generate_salt();
        let params = self.params()?;
        let hash = Scrypt::new()
            .hash_password_customized(password.as_bytes(), &salt, None, None, params)
            .map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Whether `password` is the one; with no `hash` it never is, and takes as long.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let _turn = self.take_turn()?;
        let parsed = PasswordHash::new(hash.unwrap_or(DUMMY)).map_err(Error::internal)?;
        let matches = Scrypt::new().verify_password(password.as_bytes(), &parsed).is_ok();
        Ok(matches && hash.is_some())
    }

    /// Whether `hash` was made with other parameters than new ones are.
    pub fn is_outdated(&self, hash: &str) -> bool {
        let Ok(params) = self.params() else { return false };
        let parsed = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        parsed.is_none_or(|found| {
            (found.log_n(), found.r(), found.p()) != (params.log_n(), params.r(), params.p())
        })
    }

    /// Hashes that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.load.lock().there().saturating_sub(1)
    }

    /// Whether another one would be turned away.
    pub fn is_queue_full(&self) -> bool {
        self.load.lock().there() > self.max_waiting
    }

    fn params(&self) -> Result<Params> {
        let (log_n, r, p) = match self.cost {
            Cost::Full => (LOG_N, R, P),
            Cost::Minimal => (4, 8, 1),
        };
        Params::new(log_n, r, p).map_err(Error::internal)
    }

    fn take_turn(&self) -> Result<Turn<'_>> {
        let mut load = self.load.lock();
        if load.there() > self.max_waiting {
            return Err(Error::busy("too many passwords are being checked"));
        }
        let ticket = load.next;
        load.next += 1;
        self.released.wait_while(&mut load, |load| load.serving < ticket);
        Ok(Turn(self))
    }
}

/// The right to compute a hash, given back when dropped.
struct Turn<'a>(&'a Hasher);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.load.lock().serving += 1;
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
    fn who_waits_is_served_in_the_order_of_coming() {
        let hasher = Hasher::new(3, Cost::Minimal);
        let served = Mutex::new(Vec::new());
        let turn = hasher.take_turn().unwrap();
        std::thread::scope(|scope| {
            for number in 1..=3 {
                let (hasher, served) = (&hasher, &served);
                scope.spawn(move || {
                    let _turn = hasher.take_turn().unwrap();
                    served.lock().push(number);
                });
                while hasher.waiting() < number {
                    std::thread::yield_now();
                }
            }
            assert!(hasher.is_queue_full());
            drop(turn);
        });
        assert_eq!(*served.lock(), [1, 2, 3]);
        assert_eq!(hasher.waiting(), 0);
    }

    #[test]
    fn past_the_queue_a_caller_is_told_to_come_back() {
        let hasher = Hasher::new(0, Cost::Minimal);
        let turn = hasher.take_turn().unwrap();
        assert!(matches!(hasher.hash("x"), Err(Error::Unavailable(_))));
        drop(turn);
        assert!(hasher.hash("x").is_ok());
    }
}
