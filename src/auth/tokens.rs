//! Bearer tokens: JWT, HS256 and nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jwt_simple::algorithms::{HS256Key, MACLike};
use jwt_simple::claims::{Claims as JwtClaims, JWTClaims};
use jwt_simple::common::VerificationOptions;
use jwt_simple::prelude::{Duration as JwtDuration, UnixTimeStamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::SigningKey;
use crate::clock::Timestamp;
use crate::domain::{User, UserId};
use crate::error::{Error, Result, Unauthenticated};

/// Longest token that is parsed, in bytes.
const MAX_TOKEN_BYTES: usize = 4096;
/// Most tokens in the cache.
const MAX_CACHED: usize = 1024;
/// Longest token that is cached, in bytes. Longer ones are verified at each use.
const MAX_CACHED_BYTES: usize = 512;

/// Signs tokens, and reads those that it signed.
pub struct Tokens {
    key: HS256Key,
    life: Duration,
    cache: VerifiedCache,
}

/// What a valid token says. The store knows whether the token has been revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub user: UserId,
    pub username: Arc<str>,
    pub generation: u32,
}

/// A token whose signature is right. That never changes; its times and its generation are
/// checked at every use.
#[derive(Clone, Debug)]
struct Verified {
    claims: Claims,
    expires_at: UnixTimeStamp,
    not_before: Option<UnixTimeStamp>,
}

/// Tokens whose signature was found right. A client sends one token many times, and verifying
/// it each time was a quarter of all work outside the kernel. No other tokens are cached.
#[derive(Default)]
struct VerifiedCache(RwLock<HashMap<Box<str>, Verified>>);

impl VerifiedCache {
    fn get(&self, token: &str) -> Option<Verified> {
        self.0.read().get(token).cloned()
    }

    /// A full cache is emptied first: each token is then verified once more.
    fn insert(&self, token: &str, verified: Verified) {
        if token.len() > MAX_CACHED_BYTES {
            return;
        }
        let mut cached = self.0.write();
        if cached.len() >= MAX_CACHED {
            cached.clear();
        }
        cached.insert(token.into(), verified);
    }
}

/// The claims beside the registered `sub`, `iat` and `exp`.
#[derive(Serialize, Deserialize)]
struct Private {
    user_id: u64,
    /// For clients to read; the role that counts is the stored one.
    role: String,
    ver: u32,
}

impl Tokens {
    pub fn new(key: &SigningKey, life: Duration) -> Tokens {
        Tokens { key: HS256Key::from_bytes(key.as_bytes()), life, cache: VerifiedCache::default() }
    }

    pub fn issue(&self, user: &User, now: Timestamp) -> Result<String> {
        let private = Private {
            user_id: user.id.0,
            role: user.role.as_str().to_owned(),
            ver: user.token_generation,
        };
        let mut claims = JwtClaims::with_custom_claims(private, JwtDuration::from_secs(0))
            .with_subject(user.username.as_str());
        claims.issued_at = Some(unix_time(now));
        claims.expires_at = Some(unix_time(now + self.life));
        claims.invalid_before = None;
        self.key.authenticate(claims).map_err(Error::internal)
    }

    /// How long a token counts.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// Checks signature, algorithm and time. A token without `exp` is refused, and so is one
    /// from the second `exp` on (RFC 7519, 4.1.4: "on or after"), or before the second `nbf`.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let verified = match self.cache.get(token) {
            Some(verified) => verified,
            None => self.verify(token, now).ok_or_else(bad_token)?,
        };
        let now = unix_time(now);
        if now >= verified.expires_at || verified.not_before.is_some_and(|begin| now < begin) {
            return Err(bad_token());
        }
        Ok(verified.claims)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Option<Verified> {
        let options = VerificationOptions {
            // `read` checks `nbf`. An `iat` ahead of our clock is no reason to refuse a token.
            accept_future: true,
            time_tolerance: Some(JwtDuration::from_secs(0)),
            max_token_length: Some(MAX_TOKEN_BYTES),
            artificial_time: Some(unix_time(now)),
            ..VerificationOptions::default()
        };
        let found: JWTClaims<Private> = self.key.verify_token(token, Some(options)).ok()?;
        let Private { user_id, ver, .. } = found.custom;
        let username = found.subject?.into();
        let claims = Claims { user: UserId(user_id), username, generation: ver };
        let (expires_at, not_before) = (found.expires_at?, found.invalid_before);
        let verified = Verified { claims, expires_at, not_before };
        self.cache.insert(token, verified.clone());
        Some(verified)
    }
}

fn bad_token() -> Error {
    Error::Unauthenticated(Unauthenticated::BadToken)
}

fn unix_time(at: Timestamp) -> UnixTimeStamp {
    UnixTimeStamp::from_secs(at.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EmailAddress, Role, Username};

    const NOW: Timestamp = Timestamp::EPOCH;

    fn ann() -> User {
        User {
            id: UserId(7),
            username: Username::parse("12345").unwrap(),
            email: EmailAddress::parse("ann@example.com").unwrap(),
            role: Role::User,
            created_at: NOW,
            disabled: false,
            token_generation: 3,
            password_hash: String::new(),
        }
    }

    fn tokens() -> Tokens {
        Tokens::new(
            &SigningKey::from_text("a key of more than 32 bytes, surely"),
            Duration::from_secs(60),
        )
    }

    #[test]
    fn a_token_says_who_and_which_generation_until_the_second_it_ends() {
        let token = tokens().issue(&ann(), NOW).unwrap();
        let claims = Claims { user: UserId(7), username: "12345".into(), generation: 3 };
        assert_eq!(tokens().read(&token, NOW + Duration::from_millis(59_999)).unwrap(), claims);
        assert!(tokens().read(&token, NOW + Duration::from_secs(60)).is_err());
    }

    #[test]
    fn another_key_a_changed_byte_or_no_token_at_all_is_refused() {
        let token = tokens().issue(&ann(), NOW).unwrap();
        let other = Tokens::new(
            &SigningKey::from_text("another key of the same good length"),
            Duration::ZERO,
        );
        assert!(other.read(&token, NOW).is_err());
        let changed = token.replacen('.', ".A", 1);
        for bad in [changed.as_str(), "", "..", "a.b.c", &"x".repeat(5000)] {
            assert!(tokens().read(bad, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_that_was_right_before_still_ends_and_lends_nothing_to_another() {
        let tokens = tokens();
        let token = tokens.issue(&ann(), NOW).unwrap();
        assert!(tokens.read(&token, NOW).is_ok());
        assert!(tokens.cache.get(&token).is_some());
        assert!(tokens.read(&token, NOW + Duration::from_secs(60)).is_err());
        let (head, signature) = token.rsplit_once('.').unwrap();
        let reversed: String = signature.chars().rev().collect();
        let forged = format!("{head}.{reversed}");
        assert!(tokens.read(&forged, NOW).is_err());
        assert!(tokens.cache.get(&forged).is_none());
    }

    #[test]
    fn the_cache_of_tokens_is_bounded() {
        let cache = VerifiedCache::default();
        let claims = Claims { user: UserId(1), username: "ann".into(), generation: 1 };
        let verified = Verified { claims, expires_at: unix_time(NOW), not_before: None };
        for number in 0..=MAX_CACHED {
            cache.insert(&number.to_string(), verified.clone());
        }
        assert_eq!(cache.0.read().len(), 1);
        let long = "x".repeat(MAX_CACHED_BYTES + 1);
        cache.insert(&long, verified);
        assert!(cache.get(&long).is_none());
    }

    #[test]
    fn a_token_that_never_ends_is_refused() {
        let private = Private { user_id: 7, role: "user".into(), ver: 3 };
        let mut claims =
            JwtClaims::with_custom_claims(private, JwtDuration::from_secs(0)).with_subject("ann");
        claims.expires_at = None;
        claims.invalid_before = None;
        let token = tokens().key.authenticate(claims).unwrap();
        assert!(tokens().read(&token, NOW).is_err());
    }
}
