//! The rows of API keys.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::{ApiKey, ApiKeyHash, ApiKeyId, UserId};

#[derive(Debug, Serialize, Deserialize)]
pub enum ApiKeyRecord<'a> {
    V1 {
        user: u64,
        name: &'a str,
        /// Its SHA-256, by which it is found in `api_key_hashes`.
        hash: [u8; 32],
        created_secs: u64,
        expires_secs: Option<u64>,
        revoked_secs: Option<u64>,
        last_used_secs: Option<u64>,
    },
}

impl<'a> ApiKeyRecord<'a> {
    pub fn of(key: &'a ApiKey) -> ApiKeyRecord<'a> {
        let secs = |at: Option<Timestamp>| at.map(Timestamp::as_secs);
        ApiKeyRecord::V1 {
            user: key.user.0,
            name: &key.name,
            hash: key.hash.0,
            created_secs: key.created_at.as_secs(),
            expires_secs: secs(key.expires_at),
            revoked_secs: secs(key.revoked_at),
            last_used_secs: secs(key.last_used_at),
        }
    }

    pub fn into_key(self, id: ApiKeyId) -> ApiKey {
        let ApiKeyRecord::V1 {
            user,
            name,
            hash,
            created_secs,
            expires_secs,
            revoked_secs,
            last_used_secs,
        } = self;
        let moment = |secs: Option<u64>| secs.map(Timestamp::from_secs);
        ApiKey {
            id,
            user: UserId(user),
            name: name.to_owned(),
            hash: ApiKeyHash(hash),
            created_at: Timestamp::from_secs(created_secs),
            expires_at: moment(expires_secs),
            revoked_at: moment(revoked_secs),
            last_used_at: moment(last_used_secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::{decode, encode};

    /// As it lies in files: a released variant is never changed.
    #[test]
    fn a_key_survives_its_record_and_is_read_from_its_bytes() {
        let at = |secs| Some(Timestamp::from_secs(secs));
        let key = ApiKey {
            id: ApiKeyId(7),
            user: UserId(3),
            name: "till".into(),
            hash: ApiKeyHash([9; 32]),
            created_at: Timestamp::from_secs(5),
            expires_at: at(6),
            revoked_at: None,
            last_used_at: at(8),
        };
        let mut bytes = b"\x00\x03\x04till".to_vec();
        bytes.extend([9; 32]);
        bytes.extend(b"\x05\x01\x06\x00\x01\x08");
        assert_eq!(encode(&ApiKeyRecord::of(&key)).unwrap(), bytes);
        assert_eq!(decode::<ApiKeyRecord<'_>>(&bytes).unwrap().into_key(ApiKeyId(7)), key);
    }
}
