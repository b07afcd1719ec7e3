//! Makes, revokes and removes API keys.

use crate::clock::Timestamp;
use crate::domain::{ApiKey, ApiKeyHash, ApiKeyId, UserId};
use crate::error::Error;
use crate::store::snapshot::PAGE_ROWS;
use crate::store::write_txn::{Applied, Write, WriteTxn};

use super::pruning::Pruned;

const TOO_MANY_ACTIVE: &str = "There are 32 active keys already";
const TOO_MANY_KEPT: &str =
    "There are 1000 keys already; those that have ended are forgotten after 30 days";

/// Makes a key of a user who is enabled.
#[derive(Debug)]
pub struct CreateApiKey {
    pub user: UserId,
    pub name: String,
    pub hash: ApiKeyHash,
    pub expires_at: Option<Timestamp>,
    pub at: Timestamp,
}

impl Write for CreateApiKey {
    type Output = ApiKey;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<ApiKey> {
        txn.require_enabled(self.user)?;
        let others = txn.api_keys_of(self.user)?;
        if others.iter().filter(|key| key.is_active(self.at)).count() >= ApiKey::MAX_ACTIVE {
            return Err(Error::conflict(TOO_MANY_ACTIVE).into());
        }
        if others.len() >= ApiKey::MAX_KEPT {
            return Err(Error::conflict(TOO_MANY_KEPT).into());
        }
        let key = ApiKey {
            id: txn.next_api_key_id()?,
            user: self.user,
            name: self.name.clone(),
            hash: self.hash,
            created_at: self.at.whole_secs(),
            expires_at: self.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        txn.insert_api_key(&key)?;
        Ok(key)
    }
}

/// Revokes a key; one that was revoked before stays as it is.
#[derive(Debug)]
pub struct RevokeApiKey {
    pub id: ApiKeyId,
    /// Whose key it must be; none for anyone's.
    pub owner: Option<UserId>,
    pub at: Timestamp,
}

impl Write for RevokeApiKey {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let is_meant = |key: &ApiKey| self.owner.is_none_or(|owner| owner == key.user);
        let found = txn.api_key(self.id)?.filter(is_meant);
        revoke(txn, found.ok_or(Error::NotFound)?, self.at)
    }
}

/// Revokes the keys of all users.
#[derive(Debug)]
pub struct RevokeApiKeys {
    pub at: Timestamp,
}

impl Write for RevokeApiKeys {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let mut after = ApiKeyId(0);
        loop {
            let keys = txn.api_keys_after(after, PAGE_ROWS)?;
            let Some((last, _)) = keys.last() else { return Ok(()) };
            after = *last;
            let mut readable = keys.into_iter().filter_map(|(_, key)| key);
            readable.try_for_each(|key| revoke(txn, key, self.at))?;
        }
    }
}

fn revoke(txn: &mut WriteTxn<'_>, mut key: ApiKey, at: Timestamp) -> Applied<()> {
    if key.revoked_at.is_some() {
        return Ok(());
    }
    key.revoked_at = Some(at.whole_secs());
    txn.put_api_key(&key)
}

/// Notes when a key was used. That is read by people only, so that nobody waits for it.
#[derive(Debug)]
pub struct NoteApiKeyUse {
    pub id: ApiKeyId,
    pub at: Timestamp,
}

impl Write for NoteApiKeyUse {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let Some(mut key) = txn.api_key(self.id)? else { return Ok(()) };
        key.last_used_at = Some(self.at.whole_secs());
        txn.put_api_key(&key)
    }
}

/// Goes through the next [`PAGE_ROWS`] keys and removes those that ended long ago.
#[derive(Debug)]
pub struct PruneApiKeys {
    pub after: ApiKeyId,
    pub now: Timestamp,
}

impl Write for PruneApiKeys {
    type Output = Pruned<ApiKeyId>;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Pruned<ApiKeyId>> {
        let keys = txn.api_keys_after(self.after, PAGE_ROWS)?;
        let mut pruned = Pruned { removed: 0, next: keys.last().map(|(id, _)| *id) };
        let readable = keys.iter().filter_map(|(_, key)| key.as_ref());
        for key in readable.filter(|key| !key.is_kept(self.now)) {
            txn.remove_api_key(key)?;
            pruned.removed += 1;
        }
        Ok(pruned)
    }
}
