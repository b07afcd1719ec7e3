//! API keys: what machines call with in a user's name.

use std::sync::Arc;

use crate::auth::{DrawnApiKey, KnownApiKey, api_key_hash};
use crate::clock::Timestamp;
use crate::domain::{ApiKey, ApiKeyId, UserId};
use crate::error::{Error, Result, Unauthenticated};
use crate::store::{CreateApiKey, NoteApiKeyUse, RevokeApiKey, Snapshot};

use super::caller::Caller;
use super::context::Context;
use super::state::Service;

/// A key that is to be made.
#[derive(Debug)]
pub struct NewApiKey {
    /// Whose it is to be: the operator says so, users make keys of their own only.
    pub user: Option<UserId>,
    pub name: String,
    pub expires_at: Option<Timestamp>,
}

/// A key that was made.
pub struct MadeApiKey {
    pub key: ApiKey,
    /// What it is used with. Nobody can tell it again.
    pub text: String,
}

impl Service {
    /// The user whom a key stands for. What is remembered of it only saves a search: its row and
    /// its user's are read each time.
    pub(super) fn authenticate_key(&self, text: &str) -> Result<Caller> {
        let now = self.clock.now();
        let read = self.store.read()?;
        let known = self.known_key(&read, text)?.ok_or_else(bad_key)?;
        let found = read.api_key(known.id)?;
        // An id is never given again, but a hash leaves no doubt.
        let key = found.filter(|key| key.hash == known.hash && key.is_active(now));
        let key = key.ok_or_else(bad_key)?;
        let status = read.token_status(key.user)?.filter(|status| !status.disabled);
        let role = status.ok_or_else(bad_key)?.role;
        drop(read);
        self.note_key_use(&known, &key, now);
        Ok(Caller::User { id: key.user, role, key: Some(key.id) })
    }

    fn known_key(&self, read: &Snapshot, text: &str) -> Result<Option<Arc<KnownApiKey>>> {
        if let Some(known) = self.api_keys.get(text) {
            return Ok(Some(known));
        }
        let Some(hash) = api_key_hash(text) else { return Ok(None) };
        let id = read.api_key_of_hash(hash)?;
        Ok(id.map(|id| self.api_keys.remember(text, id, hash)))
    }

    /// Nobody waits for the write. If it is lost, one of the next hour makes up for it.
    fn note_key_use(&self, known: &KnownApiKey, key: &ApiKey, now: Timestamp) {
        if !known.note_use(now, key.last_used_at) {
            return;
        }
        if let Err(why) = self.store.write_behind(NoteApiKeyUse { id: key.id, at: now }) {
            known.forget_noted();
            log::debug!("the use of key {} is not noted: {why}", key.id);
        }
    }

    /// Makes a key of the caller's own; the operator makes one of any user.
    ///
    /// # Errors
    /// `Conflict` where the user has as many as there may be, or is disabled.
    pub fn create_key(&self, cx: &Context, caller: &Caller, new: NewApiKey) -> Result<MadeApiKey> {
        self.operations.create_key.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            let user = self.owner_of_new_key(caller, new.user)?;
            notes.add("user", user);
            let drawn = DrawnApiKey::draw().map_err(Error::internal)?;
            let key = self.store.write(CreateApiKey {
                user,
                name: new.name,
                hash: drawn.hash,
                expires_at: new.expires_at,
                at: self.clock.now(),
            })?;
            notes.add("key", key.id);
            Ok(MadeApiKey { key, text: drawn.text })
        })
    }

    fn owner_of_new_key(&self, caller: &Caller, given: Option<UserId>) -> Result<UserId> {
        let (Caller::Operator, Some(user)) = (caller, given) else { return caller.require_user() };
        match self.store.read()?.token_status(user)? {
            None => Err(Error::NotFound),
            Some(status) if status.disabled => Err(Error::conflict("The user is disabled")),
            Some(_) => Ok(user),
        }
    }

    /// The caller's own keys, or a user's for an admin: the active ones, and those that ended in
    /// the last 30 days, the oldest first.
    pub fn keys(&self, cx: &Context, caller: &Caller, user: Option<UserId>) -> Result<Vec<ApiKey>> {
        self.operations.list_keys.run(cx, |notes| {
            caller.note(notes);
            let user = match user {
                Some(user) => caller.require_admin().map(|()| user)?,
                None => caller.require_user()?,
            };
            notes.add("user", user);
            let now = self.clock.now();
            let mut keys = self.store.read()?.api_keys_of(user)?;
            keys.retain(|key| key.is_kept(now));
            let last_uses = self.api_keys.last_uses();
            for key in &mut keys {
                key.last_used_at = last_uses.get(&key.id).copied().or(key.last_used_at);
            }
            Ok(keys)
        })
    }

    /// Revokes a key: one of the caller's own, or any for an admin. One that was revoked before
    /// stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] for another user's key, too.
    pub fn revoke_key(&self, cx: &Context, caller: &Caller, id: ApiKeyId) -> Result<()> {
        self.operations.revoke_key.run(cx, |notes| {
            caller.note(notes);
            notes.add("key", id);
            caller.refuse_key()?;
            let owner = match caller.require_admin() {
                Ok(()) => None,
                Err(_) => Some(caller.require_user()?),
            };
            self.store.write(RevokeApiKey { id, owner, at: self.clock.now() })
        })
    }
}

fn bad_key() -> Error {
    Error::Unauthenticated(Unauthenticated::BadToken)
}
