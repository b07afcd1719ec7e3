//! API keys as text, and the memory of those that were found in the store.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::domain::{ApiKeyHash, ApiKeyId};

/// What a key begins with. No token does: a JWT begins with an encoded brace.
const PREFIX: &str = "orderd_";
const SECRET_BYTES: usize = 32;
/// The characters behind the prefix: 32 bytes as base64url.
const SECRET_CHARS: usize = 43;
/// Most keys that are remembered.
const MAX_REMEMBERED: usize = 4096;
/// The last use of a key is written down at most this often.
const NOTE_INTERVAL: Duration = Duration::from_secs(3600);

/// A key that was just drawn. Its text is shown once and never stored.
pub struct DrawnApiKey {
    pub text: String,
    pub hash: ApiKeyHash,
}

impl DrawnApiKey {
    /// # Errors
    /// The system has no random bytes.
    pub fn draw() -> io::Result<DrawnApiKey> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let encoded = Base64UrlSafeNoPadding::encode_to_string(secret).map_err(io::Error::other)?;
        let text = format!("{PREFIX}{encoded}");
        let hash = hash_of(&text);
        Ok(DrawnApiKey { text, hash })
    }
}

/// Whether a credential says that it is a key rather than a token.
pub fn is_api_key(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// The hash that a key is looked up by; none where no key looks like that.
pub fn api_key_hash(credential: &str) -> Option<ApiKeyHash> {
    let has_length = credential.len() == PREFIX.len() + SECRET_CHARS;
    (is_api_key(credential) && has_length).then(|| hash_of(credential))
}

fn hash_of(text: &str) -> ApiKeyHash {
    ApiKeyHash(Sha256::digest(text).into())
}

/// Keys that were found in the store, by their text, so that most requests neither hash one nor
/// look it up. Whether a key still counts is read from its row at every use; here is only what
/// never changes, and when it was last used. Wrong keys are not remembered.
#[derive(Default)]
pub struct ApiKeys(RwLock<HashMap<Box<str>, Arc<KnownApiKey>>>);

/// A key that was found.
#[derive(Debug)]
pub struct KnownApiKey {
    pub id: ApiKeyId,
    pub hash: ApiKeyHash,
    /// In µs since 1970; 0 before the first use.
    last_used: AtomicU64,
    /// The use that was last handed out to be written down, in µs since 1970; 0 before the first.
    noted: AtomicU64,
}

impl ApiKeys {
    pub fn get(&self, text: &str) -> Option<Arc<KnownApiKey>> {
        self.0.read().get(text).cloned()
    }

    /// A full memory is emptied first: each key is then looked up once more, and its uses since
    /// the last one that was written down are forgotten.
    pub fn remember(&self, text: &str, id: ApiKeyId, hash: ApiKeyHash) -> Arc<KnownApiKey> {
        let mut known = self.0.write();
        if known.len() >= MAX_REMEMBERED && !known.contains_key(text) {
            known.clear();
        }
        let new = || KnownApiKey { id, hash, last_used: 0.into(), noted: 0.into() };
        known.entry(text.into()).or_insert_with(|| Arc::new(new())).clone()
    }

    /// When keys were last used, as far as that is remembered.
    pub fn last_uses(&self) -> HashMap<ApiKeyId, Timestamp> {
        let known = self.0.read();
        let uses = known.values().filter_map(|key| Some((key.id, key.last_used()?)));
        uses.collect()
    }
}

impl KnownApiKey {
    fn last_used(&self) -> Option<Timestamp> {
        match self.last_used.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Timestamp::from_micros(micros)),
        }
    }

    /// Remembers a use. Whether it is to be written down: no use was in the last hour, and
    /// `stored` is as old too. Of several threads only one is told so.
    pub fn note_use(&self, now: Timestamp, stored: Option<Timestamp>) -> bool {
        self.last_used.store(now.as_micros(), Ordering::Relaxed);
        let noted = self.noted.load(Ordering::Relaxed);
        let last = stored.unwrap_or(Timestamp::EPOCH).max(Timestamp::from_micros(noted));
        let is_due = last == Timestamp::EPOCH || now.since(last) >= NOTE_INTERVAL;
        let order = Ordering::Relaxed;
        is_due && self.noted.compare_exchange(noted, now.as_micros(), order, order).is_ok()
    }

    /// The use that was to be written down can't be: the next one is tried.
    pub fn forget_noted(&self) {
        self.noted.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: ApiKeyHash = ApiKeyHash([0; 32]);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_key_is_random_text_of_50_characters_and_is_known_by_its_hash() {
        let (one, other) = (DrawnApiKey::draw().unwrap(), DrawnApiKey::draw().unwrap());
        assert!(one.text != other.text && one.hash != other.hash);
        assert_eq!(one.text.len(), 50);
        let secret = one.text.strip_prefix("orderd_").unwrap();
        assert!(secret.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)));
        assert_eq!(api_key_hash(&one.text), Some(one.hash));
        for wrong in [&one.text[1..], &one.text[..49], &format!("{}x", one.text), "orderd_", ""] {
            assert_eq!(api_key_hash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_use_is_written_down_once_an_hour() {
        let at = Timestamp::from_secs(1_000_000);
        let keys = ApiKeys::default();
        let key = keys.remember("a", ApiKeyId(1), HASH);
        assert!(keys.last_uses().is_empty());
        assert!(key.note_use(at, None));
        // Not yet on disk.
        assert!(!key.note_use(at + SECOND, None));
        assert!(!key.note_use(at + NOTE_INTERVAL - SECOND, Some(at)));
        assert_eq!(keys.last_uses()[&ApiKeyId(1)], at + NOTE_INTERVAL - SECOND);
        assert!(key.note_use(at + NOTE_INTERVAL, Some(at)));
        key.forget_noted();
        assert!(key.note_use(at + NOTE_INTERVAL + SECOND, Some(at)));
        // After a restart what is stored counts.
        let key = ApiKeys::default().remember("a", ApiKeyId(1), HASH);
        assert!(!key.note_use(at + SECOND, Some(at)));
        // So that a clock that is set back writes nothing at each use.
        assert!(!key.note_use(at - 9 * NOTE_INTERVAL, Some(at)));
    }

    #[test]
    fn the_memory_of_keys_is_bounded() {
        let keys = ApiKeys::default();
        for number in 0..=MAX_REMEMBERED {
            keys.remember(&number.to_string(), ApiKeyId(number as u64), HASH);
        }
        assert_eq!(keys.0.read().len(), 1);
        assert!(keys.get("0").is_none());
    }
}
