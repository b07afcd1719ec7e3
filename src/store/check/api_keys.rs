//! The API keys: each of a user, and found by its hash and by its user.

use redb::{ReadableTable, ReadableTableMetadata};

use super::{Check, has, value};
use crate::domain::ApiKeyId;
use crate::error::Result;
use crate::store::records::ApiKeyRecord;
use crate::store::schema::ReadTables;

impl Check {
    /// As many rows in each index as there are keys, and every key has its row: so no row of an
    /// index leads anywhere else.
    pub(super) fn api_keys(&mut self, tables: &ReadTables) -> Result<()> {
        for row in tables.api_keys.iter()? {
            let (id, record) = row?;
            let id = id.value();
            let Some(record) = self.decoded::<ApiKeyRecord<'_>>("API key", id, record.value())
            else {
                continue;
            };
            let key = record.into_key(ApiKeyId(id));
            let user = key.user;
            let is_users = has(&tables.users, user.0)?;
            self.require(is_users, || format!("API key {id} is of user {user}, who is missing"));
            let found = value(&tables.api_key_hashes, &key.hash.0)? == Some(id);
            self.require(found, || format!("API key {id} is not found by its hash"));
            let listed = has(&tables.api_keys_by_user, (user.0, id))?;
            self.require(listed, || format!("API key {id} is not listed for user {user}"));
        }
        let keys = tables.api_keys.len()?;
        let (hashes, listed) = (tables.api_key_hashes.len()?, tables.api_keys_by_user.len()?);
        self.require(hashes == keys && listed == keys, || {
            format!("{keys} API keys, {hashes} hashes, {listed} listed for users")
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase, WriteTransaction};

    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::{ApiKeyHash, UserId};
    use crate::store::schema;
    use crate::store::write_txn::{Write, WriteTxn};
    use crate::store::writes::{CreateApiKey, CreateUser};

    /// The faults of a store with one user and two keys, of which something was then spoilt.
    fn faults_after(spoil: fn(&WriteTransaction)) -> Vec<String> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        schema::create_missing(&transaction).unwrap();
        let mut txn = WriteTxn::begin(&transaction, None);
        let at = Timestamp::EPOCH;
        CreateUser::for_test("ann", at).apply(&mut txn).unwrap();
        for hash in [1, 2].map(|byte| ApiKeyHash([byte; 32])) {
            let (user, name) = (UserId(1), "till".to_owned());
            CreateApiKey { user, name, hash, expires_at: None, at }.apply(&mut txn).unwrap();
        }
        drop(txn);
        spoil(&transaction);
        transaction.commit().unwrap();
        Check::of(&database.begin_read().unwrap()).unwrap().faults
    }

    #[test]
    fn a_row_without_those_that_belong_to_it_is_told() {
        assert_eq!(faults_after(|_| {}), Vec::<String>::new());
        let spoils: [fn(&WriteTransaction); 5] = [
            |it| drop(it.open_table(schema::API_KEYS).unwrap().remove(1).unwrap()),
            |it| drop(it.open_table(schema::API_KEY_HASHES).unwrap().remove(&[1; 32]).unwrap()),
            |it| drop(it.open_table(schema::API_KEY_HASHES).unwrap().insert(&[1; 32], 2).unwrap()),
            |it| drop(it.open_table(schema::API_KEYS_BY_USER).unwrap().remove((1, 1)).unwrap()),
            |it| drop(it.open_table(schema::API_KEYS_BY_USER).unwrap().insert((2, 1), ()).unwrap()),
        ];
        for (index, spoil) in spoils.into_iter().enumerate() {
            let faults = faults_after(spoil);
            assert!(faults.iter().any(|it| it.contains("API key")), "{index}: {faults:?}");
        }
    }
}
