//! The rows of API keys, and the indexes by hash and user.

use redb::ReadableTable;

use super::{Applied, WriteTxn, readable};
use crate::domain::{ApiKey, ApiKeyId, UserId};
use crate::store::records::{ApiKeyRecord, decode, encode};
use crate::store::schema::meta;

impl WriteTxn<'_> {
    pub fn api_key(&mut self, id: ApiKeyId) -> Applied<Option<ApiKey>> {
        match self.tables.api_keys()?.get(id.0)? {
            Some(row) => Ok(Some(decode::<ApiKeyRecord<'_>>(row.value())?.into_key(id))),
            None => Ok(None),
        }
    }

    /// All keys of a user, those that have ended too. One that can't be read is left out.
    pub fn api_keys_of(&mut self, user: UserId) -> Applied<Vec<ApiKey>> {
        let rows = self.tables.api_keys_by_user()?.range((user.0, 0)..=(user.0, u64::MAX))?;
        let ids = rows.map(|row| Ok(ApiKeyId(row?.0.value().1))).collect::<Applied<Vec<_>>>()?;
        let keys = ids.into_iter().map(|id| readable(self.api_key(id)));
        keys.filter_map(Result::transpose).collect()
    }

    /// Keys with ids above `after`, rising, `limit` at most; `None` where one can't be read.
    pub fn api_keys_after(
        &mut self,
        after: ApiKeyId,
        limit: usize,
    ) -> Applied<Vec<(ApiKeyId, Option<ApiKey>)>> {
        let table = self.tables.api_keys()?;
        let rows = table.range(after.0.saturating_add(1)..)?.take(limit).map(|row| {
            let (id, record) = row?;
            let id = ApiKeyId(id.value());
            let read = decode::<ApiKeyRecord<'_>>(record.value());
            Ok((id, read.ok().map(|record| record.into_key(id))))
        });
        rows.collect()
    }

    /// One above every id that was ever given.
    pub fn next_api_key_id(&mut self) -> Applied<ApiKeyId> {
        let last = self.tables.api_keys()?.last()?.map_or(0, |(id, _)| id.value());
        let pruned = self.tables.meta()?.get(meta::API_KEYS_PRUNED_UP_TO)?;
        Ok(ApiKeyId(last.max(pruned.map_or(0, |row| row.value())) + 1))
    }

    pub fn insert_api_key(&mut self, key: &ApiKey) -> Applied<()> {
        self.put_api_key(key)?;
        self.tables.api_key_hashes()?.insert(&key.hash.0, key.id.0)?;
        self.tables.api_keys_by_user()?.insert((key.user.0, key.id.0), ())?;
        Ok(())
    }

    /// Writes the row of a key whose hash and user stay as they are.
    pub fn put_api_key(&mut self, key: &ApiKey) -> Applied<()> {
        let record = encode(&ApiKeyRecord::of(key))?;
        self.dirty = true;
        self.tables.api_keys()?.insert(key.id.0, record.as_slice())?;
        Ok(())
    }

    pub fn remove_api_key(&mut self, key: &ApiKey) -> Applied<()> {
        self.dirty = true;
        self.tables.api_keys()?.remove(key.id.0)?;
        self.tables.api_key_hashes()?.remove(&key.hash.0)?;
        self.tables.api_keys_by_user()?.remove((key.user.0, key.id.0))?;
        let meta = self.tables.meta()?;
        let known = meta.get(meta::API_KEYS_PRUNED_UP_TO)?.map_or(0, |row| row.value());
        meta.insert(meta::API_KEYS_PRUNED_UP_TO, known.max(key.id.0))?;
        Ok(())
    }
}
