//! The rows of users, and the indexes by name and address.

use redb::ReadableTable;

use super::{Applied, Failure, WriteTxn, next_key};
use crate::clock::Timestamp;
use crate::domain::{EmailAddress, Network, User, UserId, Username};
use crate::error::{Error, Unauthenticated};
use crate::store::generation;
use crate::store::records::{UserRecord, decode, encode};
use crate::store::schema::meta;

/// What a user is found by.
pub struct UserKeys {
    name: String,
    /// As names were found before they were folded; first asked for where both are there.
    name_of_old: String,
    email: String,
}

impl UserKeys {
    pub fn of(username: &Username, email: &EmailAddress) -> UserKeys {
        UserKeys {
            name: Username::fold(username.as_str()),
            name_of_old: Username::fold_of_old(username.as_str()),
            email: email.fold(),
        }
    }
}

impl WriteTxn<'_> {
    pub fn user(&mut self, id: UserId) -> Applied<Option<User>> {
        match self.tables.users()?.get(id.0)? {
            Some(row) => Ok(Some(decode::<UserRecord>(row.value())?.into_user(id.0)?)),
            None => Ok(None),
        }
    }

    pub fn require_user(&mut self, id: UserId) -> Applied<User> {
        self.user(id)?.ok_or(Failure::Refused(Error::NotFound))
    }

    /// Refuses a user who was disabled after the token was checked.
    pub fn require_enabled(&mut self, id: UserId) -> Applied<()> {
        let row = self.tables.users()?.get(id.0)?;
        if let Some(row) = row
            && let UserRecord::V1 { disabled: false, .. } = decode(row.value())?
        {
            return Ok(());
        }
        Err(Error::Unauthenticated(Unauthenticated::BadToken).into())
    }

    /// Refuses a name that leads to another user than this one.
    pub fn require_free_name(&mut self, keys: &UserKeys, own: UserId) -> Applied<()> {
        let names = self.tables.usernames()?;
        for name in [&keys.name, &keys.name_of_old] {
            if names.get(name.as_str())?.is_some_and(|row| row.value() != own.0) {
                return Err(Error::Refused("Username already registered").into());
            }
        }
        Ok(())
    }

    /// Refuses an address that leads to another user than this one.
    pub fn require_free_email(&mut self, keys: &UserKeys, own: UserId) -> Applied<()> {
        let owner = self.tables.emails()?.get(keys.email.as_str())?;
        match owner.is_some_and(|row| row.value() != own.0) {
            true => Err(Error::Refused("Email already registered").into()),
            false => Ok(()),
        }
    }

    pub fn next_user_id(&mut self) -> Applied<UserId> {
        Ok(UserId(next_key(self.tables.users()?)?))
    }

    pub fn insert_user(&mut self, user: &User, keys: &UserKeys) -> Applied<()> {
        self.put_user(user)?;
        self.tables.usernames()?.insert(keys.name.as_str(), user.id.0)?;
        self.tables.emails()?.insert(keys.email.as_str(), user.id.0)?;
        Ok(())
    }

    /// Has a user, whose row is put besides, found by another name, and no more by the old one.
    pub fn change_name(&mut self, user: UserId, old: &UserKeys, new: &UserKeys) -> Applied<()> {
        self.dirty = true;
        let names = self.tables.usernames()?;
        for name in [&old.name, &old.name_of_old] {
            let is_own = names.get(name.as_str())?.is_some_and(|row| row.value() == user.0);
            if is_own {
                names.remove(name.as_str())?;
            }
        }
        // Users of old may share a folded name, which leads to the oldest who has it.
        let mut sharers = Vec::new();
        for row in names.iter()? {
            let (name, id) = row?;
            if Username::fold(name.value()) == old.name {
                sharers.push(id.value());
            }
        }
        if let Some(oldest) = sharers.into_iter().min() {
            names.insert(old.name.as_str(), oldest)?;
        }
        names.insert(new.name.as_str(), user.0)?;
        Ok(())
    }

    /// Has a user, whose row is put besides, found by another address, and no more by the old one.
    pub fn change_email(&mut self, user: UserId, old: &UserKeys, new: &UserKeys) -> Applied<()> {
        self.dirty = true;
        let emails = self.tables.emails()?;
        emails.remove(old.email.as_str())?;
        emails.insert(new.email.as_str(), user.0)?;
        Ok(())
    }

    /// Writes the row of a user whose name and address stay as they are.
    pub fn put_user(&mut self, user: &User) -> Applied<()> {
        let record = encode(&UserRecord::of(user))?;
        self.dirty = true;
        self.tables.users()?.insert(user.id.0, record.as_slice())?;
        Ok(())
    }

    /// Ends all tokens of the user, whose row is still to be put.
    pub fn end_tokens(&mut self, user: &mut User) -> Applied<()> {
        user.token_generation = generation::draw(user.token_generation).map_err(Error::internal)?;
        Ok(())
    }

    pub fn user_ids(&mut self) -> Applied<Vec<UserId>> {
        self.tables.users()?.iter()?.map(|row| Ok(UserId(row?.0.value()))).collect()
    }

    /// The networks from which the user has logged in, as their bits, with the time of the last
    /// login in seconds since 1970.
    pub fn known_networks(&mut self, user: UserId) -> Applied<Vec<(u128, u64)>> {
        let rows = self.tables.known_networks()?.range((user.0, 0)..=(user.0, u128::MAX))?;
        rows.map(|row| row.map(|(key, at)| (key.value().1, at.value())).map_err(Into::into))
            .collect()
    }

    pub fn put_known_network(&mut self, user: UserId, net: Network, at: Timestamp) -> Applied<()> {
        self.dirty = true;
        let bits = net.to_bits();
        self.tables.known_networks()?.insert((user.0, bits), at.as_secs())?;
        self.tables.network_users()?.insert((bits, user.0), ())?;
        Ok(())
    }

    pub fn forget_known_network(&mut self, user: UserId, bits: u128) -> Applied<()> {
        self.dirty = true;
        self.tables.known_networks()?.remove((user.0, bits))?;
        self.tables.network_users()?.remove((bits, user.0))?;
        Ok(())
    }

    /// Whether an admin other than this one can still log in.
    pub fn has_other_enabled_admin(&mut self, id: UserId) -> Applied<bool> {
        for row in self.tables.users()?.iter()? {
            let (key, record) = row?;
            let UserRecord::V1 { admin, disabled, .. } = decode(record.value())?;
            if admin && !disabled && key.value() != id.0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who still has the published default password, if anyone.
    pub fn default_password_user(&mut self) -> Applied<Option<UserId>> {
        let row = self.tables.meta()?.get(meta::DEFAULT_PASSWORD_USER)?;
        Ok(row.map(|row| UserId(row.value())))
    }

    pub fn set_default_password_user(&mut self, user: Option<UserId>) -> Applied<()> {
        self.dirty = true;
        let table = self.tables.meta()?;
        match user {
            Some(user) => table.insert(meta::DEFAULT_PASSWORD_USER, user.0)?,
            None => table.remove(meta::DEFAULT_PASSWORD_USER)?,
        };
        Ok(())
    }

    pub fn set_last_trial(&mut self, at: Timestamp) -> Applied<()> {
        self.dirty = true;
        self.tables.meta()?.insert(meta::LAST_TRIAL, at.as_secs())?;
        Ok(())
    }
}
