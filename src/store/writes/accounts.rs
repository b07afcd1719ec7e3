//! Creates, changes and disables users.

use crate::clock::Timestamp;
use crate::domain::{EmailAddress, Network, Role, User, UserId, Username};
use crate::error::Error;
use crate::store::write_txn::{Applied, UserKeys, Write, WriteTxn};

/// Makes a user whose name and address nobody else has.
#[derive(Debug)]
pub struct CreateUser {
    pub username: Username,
    pub email: EmailAddress,
    pub role: Role,
    pub password_hash: String,
    pub at: Timestamp,
}

#[cfg(test)]
impl CreateUser {
    /// A user whom nobody can log in as.
    pub fn for_test(name: &str, at: Timestamp) -> CreateUser {
        CreateUser {
            username: Username::parse(name).unwrap(),
            email: EmailAddress::parse(&format!("{name}@example.com")).unwrap(),
            role: Role::User,
            password_hash: "$scrypt$".into(),
            at,
        }
    }
}

impl Write for CreateUser {
    type Output = User;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<User> {
        let keys = UserKeys::of(&self.username, &self.email);
        let id = txn.next_user_id()?;
        txn.require_free_name(&keys, id)?;
        txn.require_free_email(&keys, id)?;
        let mut user = User {
            id,
            username: self.username.clone(),
            email: self.email.clone(),
            role: self.role,
            created_at: self.at.whole_secs(),
            disabled: false,
            token_generation: 0,
            password_hash: self.password_hash.clone(),
        };
        txn.end_tokens(&mut user)?;
        txn.insert_user(&user, &keys)?;
        Ok(user)
    }
}

/// Makes the first admin, unless there is a user already.
#[derive(Debug)]
pub struct CreateFirstAdmin {
    pub admin: CreateUser,
    /// Whether the password is the published default. If so, every start warns of it.
    pub default_password: bool,
}

impl Write for CreateFirstAdmin {
    type Output = Option<User>;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Option<User>> {
        if txn.next_user_id()? != UserId(1) {
            return Ok(None);
        }
        let user = self.admin.apply(txn)?;
        if self.default_password {
            txn.set_default_password_user(Some(user.id))?;
        }
        Ok(Some(user))
    }
}

/// Replaces `old_hash` with a new hash of the same password, unless the password was changed
/// meanwhile.
#[derive(Debug)]
pub struct Rehash {
    pub user: UserId,
    pub old_hash: String,
    pub new_hash: String,
}

impl Write for Rehash {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let mut user = txn.require_user(self.user)?;
        if user.password_hash != self.old_hash {
            return Ok(());
        }
        user.password_hash = self.new_hash.clone();
        txn.put_user(&user)
    }
}

/// Gives a user another password, and ends all of the user's tokens.
#[derive(Debug)]
pub struct SetPassword {
    pub user: UserId,
    pub hash: String,
    /// The hash that the old password was checked against, where one was asked for.
    pub replaces: Option<String>,
}

impl Write for SetPassword {
    type Output = User;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<User> {
        let mut user = txn.require_user(self.user)?;
        if self.replaces.as_ref().is_some_and(|old| *old != user.password_hash) {
            return Err(Error::conflict("The password was changed meanwhile").into());
        }
        user.password_hash = self.hash.clone();
        txn.end_tokens(&mut user)?;
        if txn.default_password_user()? == Some(user.id) {
            txn.set_default_password_user(None)?;
        }
        txn.put_user(&user)?;
        Ok(user)
    }
}

/// Disables or enables a user. A change ends all of the user's tokens.
#[derive(Debug)]
pub struct SetDisabled {
    pub user: UserId,
    pub disabled: bool,
}

impl Write for SetDisabled {
    type Output = User;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<User> {
        let mut user = txn.require_user(self.user)?;
        if user.disabled == self.disabled {
            return Ok(user);
        }
        let shuts_out_admin = self.disabled && user.role == Role::Admin;
        if shuts_out_admin && !txn.has_other_enabled_admin(user.id)? {
            return Err(Error::conflict("The last enabled admin can't be disabled").into());
        }
        user.disabled = self.disabled;
        txn.end_tokens(&mut user)?;
        txn.put_user(&user)?;
        Ok(user)
    }
}

/// Gives a user another name, address or role; what is absent stays. Another name or role ends
/// the user's tokens.
#[derive(Debug)]
pub struct UpdateUser {
    pub user: UserId,
    pub username: Option<Username>,
    pub email: Option<EmailAddress>,
    pub role: Option<Role>,
}

impl Write for UpdateUser {
    type Output = User;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<User> {
        let before = txn.require_user(self.user)?;
        let mut user = User {
            username: self.username.clone().unwrap_or_else(|| before.username.clone()),
            email: self.email.clone().unwrap_or_else(|| before.email.clone()),
            role: self.role.unwrap_or(before.role),
            ..before.clone()
        };
        if user == before {
            return Ok(user);
        }
        let old_keys = UserKeys::of(&before.username, &before.email);
        let new_keys = UserKeys::of(&user.username, &user.email);
        let is_renamed = user.username != before.username;
        // Users of old may share a name, and each of them may keep it.
        if is_renamed {
            txn.require_free_name(&new_keys, user.id)?;
        }
        txn.require_free_email(&new_keys, user.id)?;
        let steps_down = before.role == Role::Admin && user.role != Role::Admin;
        if steps_down && !before.disabled && !txn.has_other_enabled_admin(user.id)? {
            return Err(Error::conflict("The last enabled admin keeps its role").into());
        }
        if is_renamed || user.role != before.role {
            txn.end_tokens(&mut user)?;
        }
        txn.put_user(&user)?;
        if is_renamed {
            txn.change_name(user.id, &old_keys, &new_keys)?;
        }
        if user.email != before.email {
            txn.change_email(user.id, &old_keys, &new_keys)?;
        }
        Ok(user)
    }
}

/// Ends all tokens of one user.
#[derive(Debug)]
pub struct LogOut {
    pub user: UserId,
}

impl Write for LogOut {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let mut user = txn.require_user(self.user)?;
        txn.end_tokens(&mut user)?;
        txn.put_user(&user)
    }
}

/// Ends the tokens of all users. Gives the number of users.
#[derive(Debug)]
pub struct EndTokens;

impl Write for EndTokens {
    type Output = usize;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<usize> {
        let ids = txn.user_ids()?;
        for id in &ids {
            let mut user = txn.require_user(*id)?;
            txn.end_tokens(&mut user)?;
            txn.put_user(&user)?;
        }
        Ok(ids.len())
    }
}

/// Notes that a user has logged in from a network. Only the last few networks are kept.
#[derive(Debug)]
pub struct RememberNetwork {
    pub user: UserId,
    pub network: Network,
    pub at: Timestamp,
}

impl RememberNetwork {
    /// Networks that are kept for each user.
    pub const KEPT: usize = 8;
}

impl Write for RememberNetwork {
    type Output = ();

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        txn.require_enabled(self.user)?;
        let mut others = txn.known_networks(self.user)?;
        others.retain(|(bits, _)| *bits != self.network.to_bits());
        others.sort_by_key(|(_, last_login)| std::cmp::Reverse(*last_login));
        for (bits, _) in others.into_iter().skip(Self::KEPT - 1) {
            txn.forget_known_network(self.user, bits)?;
        }
        txn.put_known_network(self.user, self.network, self.at)
    }
}
