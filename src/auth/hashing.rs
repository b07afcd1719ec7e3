//! Password hashes: scrypt as PHC strings, one at a time.

use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{CustomizedPasswordHasher, PasswordVerifier, generate_salt};
use scrypt::{Params, Scrypt};

use super::queue::{Queue, Requester};
use crate::domain::unicode::nfc;
use crate::error::{Error, Result};

/// N = 2^15, r = 8, p = 3: 32 MiB a hash, as strong by OWASP's table as 2^17/8/1 with 128.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 3;

/// Computes and verifies the hashes of the whole process. One takes 32 MiB and a core for a
/// quarter of a second, so only one is computed at a time: a second one's memory would be a
/// third of all that the process may use. A few callers wait in line, the others get an error
/// that asks them to come back.
///
/// Passwords are hashed in Normalization Form C. Earlier versions hashed them as they were typed.
pub struct Hasher {
    cost: Cost,
    queue: Queue,
}

/// Whether a password is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and its hash is to be replaced: it was made of what was typed, or with other
    /// parameters than new hashes are.
    Outdated,
}

/// The hash that the password for an unknown name is verified against, so that the response
/// takes as long as for a known one. A constant, because computing it would delay every start.
const DUMMY: &str =
    "$scrypt$ln=15,r=8,p=3$rs8+4oTZNj8rtmKW9avAHA$sPs9KfQBrmhzGWSdI8/iiJEMMeXCJHJZv7WKS3k0Fe0";

/// The same for [`Cost::Minimal`].
const MINIMAL_DUMMY: &str =
    "$scrypt$ln=4,r=8,p=1$rs8+4oTZNj8rtmKW9avAHA$sPs9KfQBrmhzGWSdI8/iiJEMMeXCJHJZv7WKS3k0Fe0";

/// How hard a hash is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// As strong as stored passwords need.
    Full,
    /// For tests of other things.
    Minimal,
}

impl Hasher {
    /// At most `max_waiting` callers wait while another one is served.
    pub fn new(max_waiting: usize, cost: Cost) -> Hasher {
        Hasher { cost, queue: Queue::new(max_waiting) }
    }

    /// A PHC string with a salt of its own.
    pub fn hash(&self, requester: &Requester, password: &str) -> Result<String> {
        let _permit = self.queue.acquire(requester)?;
        let salt = generate_salt();
        let params = self.params()?;
        let hash = Scrypt::new()
            .hash_password_customized(nfc(password).as_bytes(), &salt, None, None, params)
            .map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Whether `password` has this hash. With no `hash` it takes as long, and is wrong. How often
    /// it computes depends on the password as it was typed alone, and not on what is right.
    pub fn verify(
        &self,
        requester: &Requester,
        password: &str,
        hash: Option<&str>,
    ) -> Result<Verdict> {
        let _permit = self.queue.acquire(requester)?;
        let parsed = PasswordHash::new(hash.unwrap_or(self.dummy())).map_err(Error::internal)?;
        let has_hash = |text: &str| Scrypt::new().verify_password(text.as_bytes(), &parsed).is_ok();
        let normal = nfc(password);
        let is_normal_right = has_hash(&normal);
        let is_typed_right = normal != password && has_hash(password);
        Ok(match (hash, is_normal_right, is_typed_right) {
            (None, _, _) | (_, false, false) => Verdict::Wrong,
            (Some(_), true, _) if !self.is_outdated(&parsed) => Verdict::Right,
            _ => Verdict::Outdated,
        })
    }

    /// Callers that wait in line.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Whether another caller would be rejected, or take another's place.
    pub fn is_queue_full(&self) -> bool {
        self.queue.is_full()
    }

    fn dummy(&self) -> &'static str {
        match self.cost {
            Cost::Full => DUMMY,
            Cost::Minimal => MINIMAL_DUMMY,
        }
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let Ok(params) = self.params() else { return false };
        Params::try_from(hash).ok().is_none_or(|found| {
            (found.log_n(), found.r(), found.p()) != (params.log_n(), params.r(), params.p())
        })
    }

    fn params(&self) -> Result<Params> {
        let (log_n, r, p) = match self.cost {
            Cost::Full => (LOG_N, R, P),
            Cost::Minimal => (4, 8, 1),
        };
        Params::new(log_n, r, p).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;

    fn ann() -> Requester {
        let client = Network::of([192, 0, 2, 1].into());
        Requester { client, is_known: true, tokens_left: 5 }
    }

    #[test]
    fn a_hash_is_a_phc_string_of_the_full_cost_that_only_its_password_fits() {
        let hasher = Hasher::new(1, Cost::Full);
        let hash = hasher.hash(&ann(), "Secure1!").unwrap();
        assert!(hash.starts_with("$scrypt$ln=15,r=8,p=3$"), "{hash}");
        assert_eq!(hasher.verify(&ann(), "Secure1!", Some(&hash)).unwrap(), Verdict::Right);
        assert_eq!(hasher.verify(&ann(), "secure1!", Some(&hash)).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn nobodys_password_is_never_right() {
        let hasher = Hasher::new(1, Cost::Minimal);
        assert_eq!(hasher.verify(&ann(), "nobody's", None).unwrap(), Verdict::Wrong);
        for cost in [Cost::Full, Cost::Minimal] {
            let hasher = Hasher::new(1, cost);
            let dummy = PasswordHash::new(hasher.dummy()).unwrap();
            assert!(!hasher.is_outdated(&dummy), "the dummy must cost as much as a real hash");
        }
    }

    #[test]
    fn a_hash_of_other_parameters_is_outdated_and_still_fits() {
        let weak = Hasher::new(1, Cost::Minimal);
        let strong = Hasher::new(1, Cost::Full);
        let hash = weak.hash(&ann(), "Secure1!").unwrap();
        assert_eq!(strong.verify(&ann(), "Secure1!", Some(&hash)).unwrap(), Verdict::Outdated);
    }

    #[test]
    fn a_password_fits_in_any_normal_form_and_a_hash_of_what_was_typed_is_outdated() {
        let hasher = Hasher::new(1, Cost::Minimal);
        let (composed, typed) = ("S\u{e9}cure1!", "Se\u{301}cure1!");
        let hash = hasher.hash(&ann(), typed).unwrap();
        for form in [composed, typed] {
            assert_eq!(hasher.verify(&ann(), form, Some(&hash)).unwrap(), Verdict::Right);
        }
        let params = hasher.params().unwrap();
        let old = Scrypt::new()
            .hash_password_customized(typed.as_bytes(), &generate_salt(), None, None, params)
            .unwrap()
            .to_string();
        assert_eq!(hasher.verify(&ann(), typed, Some(&old)).unwrap(), Verdict::Outdated);
        assert_eq!(hasher.verify(&ann(), composed, Some(&old)).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn the_password_of_nobody_takes_its_place_in_line_like_anyones() {
        let hasher = Hasher::new(0, Cost::Minimal);
        let permit = hasher.queue.acquire(&ann()).unwrap();
        assert!(matches!(hasher.verify(&ann(), "x", None), Err(Error::Unavailable(_))));
        drop(permit);
        assert_eq!(hasher.verify(&ann(), "x", None).unwrap(), Verdict::Wrong);
    }
}
