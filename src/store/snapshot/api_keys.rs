//! Reads API keys.

use super::Snapshot;
use crate::domain::{ApiKey, ApiKeyHash, ApiKeyId, UserId};
use crate::error::{Error, Result};
use crate::store::records::{ApiKeyRecord, decode};
use crate::store::schema;

impl Snapshot {
    pub fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>> {
        match self.open(schema::API_KEYS)?.get(id.0)? {
            Some(row) => Ok(Some(decode::<ApiKeyRecord<'_>>(row.value())?.into_key(id))),
            None => Ok(None),
        }
    }

    /// The key with that hash, whether it is active or not.
    pub fn api_key_of_hash(&self, hash: ApiKeyHash) -> Result<Option<ApiKeyId>> {
        let row = self.open(schema::API_KEY_HASHES)?.get(&hash.0)?;
        Ok(row.map(|row| ApiKeyId(row.value())))
    }

    /// All keys of a user, the oldest first: [`ApiKey::MAX_KEPT`] at most. One that can't be read is
    /// left out.
    pub fn api_keys_of(&self, user: UserId) -> Result<Vec<ApiKey>> {
        let rows = self.open(schema::API_KEYS_BY_USER)?.range((user.0, 0)..=(user.0, u64::MAX))?;
        let mut keys = Vec::new();
        for row in rows.take(ApiKey::MAX_KEPT) {
            let id = ApiKeyId(row?.0.value().1);
            match self.api_key(id) {
                Ok(Some(key)) => keys.push(key),
                Ok(None) => log::error!("API key {id} is left out of a list: it is missing"),
                Err(Error::Internal(why)) => {
                    log::error!("API key {id} is left out of a list: {why}");
                }
                Err(why) => return Err(why),
            }
        }
        Ok(keys)
    }
}
