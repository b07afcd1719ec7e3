//! API keys: what a machine calls with in the name of a user, instead of a password and a token.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::UserId;

/// From 1, rising, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(pub u64);

/// The SHA-256 of a key. The key itself is random enough that no slower hash is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyHash(pub [u8; 32]);

/// What is kept of a key. Times are in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub user: UserId,
    /// One line, for people.
    pub name: String,
    pub hash: ApiKeyHash,
    pub created_at: Timestamp,
    /// None where it has no end.
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// As far as it was written down: it may have been used in the hour after that.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    pub const MAX_NAME_CHARS: usize = 64;
    /// Active keys of one user.
    pub const MAX_ACTIVE: usize = 32;
    /// Keys of one user, with those that have ended and are still kept.
    pub const MAX_KEPT: usize = 1000;
    /// For how long a key is kept that was revoked or has expired.
    pub const KEPT_ENDED: Duration = Duration::from_secs(30 * 86_400);

    /// Whether it counts, as far as that depends on the key alone. From the second on that
    /// `expires_at` names it doesn't.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it is still active, or ended so short ago that it is listed.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        let ended_at = self.expires_at.into_iter().chain(self.revoked_at).min();
        ended_at.is_none_or(|end| now.since(end) < Self::KEPT_ENDED)
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::EPOCH;
    const DAY: Duration = Duration::from_secs(86_400);

    fn key(expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>) -> ApiKey {
        ApiKey {
            id: ApiKeyId(1),
            user: UserId(1),
            name: "till".into(),
            hash: ApiKeyHash([0; 32]),
            created_at: AT,
            expires_at,
            revoked_at,
            last_used_at: None,
        }
    }

    #[test]
    fn a_key_ends_when_it_is_revoked_or_expires_whichever_comes_first() {
        let (one, two) = (AT + DAY, AT + 2 * DAY);
        for (key, active, kept) in [
            (key(None, None), true, true),
            (key(Some(two), None), true, true),
            (key(Some(one), None), false, true),
            (key(None, Some(one)), false, true),
            // A clock that was set back brings no key back.
            (key(None, Some(two)), false, true),
        ] {
            assert_eq!((key.is_active(one), key.is_kept(one)), (active, kept), "{key:?}");
        }
        for key in [key(Some(one), None), key(None, Some(one)), key(Some(two), Some(one))] {
            assert!(key.is_kept(one + 30 * DAY - Duration::from_secs(1)), "{key:?}");
            assert!(!key.is_kept(one + 30 * DAY), "{key:?}");
        }
        assert!(key(None, None).is_kept(AT + 99_999 * DAY));
    }
}
