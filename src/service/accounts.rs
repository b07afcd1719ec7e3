//! Users: logins, tokens, passwords, and what admins do with accounts.

use crate::auth::random_hex;
use crate::domain::{EmailAddress, NewUser, Password, Role, User, UserId, Username};
use crate::error::{Error, Result, Unauthenticated};
use crate::store::{CreateFirstAdmin, CreateUser, Rehash, SetDisabled, SetPassword};

use super::caller::Caller;
use super::context::Context;
use super::operation::Notes;
use super::state::Service;

/// A successful login.
#[derive(Debug)]
pub struct Login {
    pub token: String,
    pub user: User,
}

/// The first admin, to be created where there is no user.
#[derive(Debug)]
pub struct NewAdmin {
    pub username: Username,
    pub email: EmailAddress,
    pub password: Password,
    /// Whether the password is the default one, which the old service published.
    pub is_default_password: bool,
}

impl Service {
    /// The caller that a token stands for.
    ///
    /// # Errors
    /// The token is bad, expired or revoked, or its user is disabled.
    pub fn authenticate(&self, token: &str) -> Result<Caller> {
        let claims = self.tokens.read(token, self.clock.now())?;
        match self.store.read()?.token_status(claims.user)? {
            Some(status) if !status.disabled && status.token_generation == claims.generation => {
                Ok(Caller::User { id: claims.user, role: status.role })
            }
            _ => Err(Error::Unauthenticated(Unauthenticated::BadToken)),
        }
    }

    /// A token for a name and its password. An unknown name takes as long as a wrong password
    /// and gives the same error.
    pub fn login(&self, cx: &Context, username: &str, password: &str) -> Result<Login> {
        let result = self.operations.login.run(cx, |notes| {
            notes.add("client", cx.client);
            let attempt = self.limits.begin_login(username, cx)?;
            let user = match self.check_password(username, password, notes) {
                Ok(user) => user,
                Err(wrong @ Error::Unauthenticated(_)) => return Err(wrong),
                Err(unchecked) => {
                    self.limits.refund(attempt, cx);
                    return Err(unchecked);
                }
            };
            self.limits.login_succeeded(attempt, cx);
            self.rehash_if_outdated(&user, password);
            let token = self.tokens.issue(&user, self.clock.now())?;
            Ok(Login { token, user })
        });
        self.counters.count_login(result.as_ref().err().map(Error::kind));
        result
    }

    fn check_password(&self, username: &str, password: &str, notes: &mut Notes) -> Result<User> {
        let found = self.store.read()?.user_by_name(username)?;
        let hash = found.as_ref().map(|user| user.password_hash.as_str());
        let matches = self.hasher.verify(password, hash)?;
        if let Some(user) = &found {
            notes.add("user", user.id);
        }
        match found {
            Some(user) if matches && !user.disabled => Ok(user),
            _ => Err(Error::Unauthenticated(Unauthenticated::BadCredentials)),
        }
    }

    /// Only a login has the password at hand. If the new hash can't be stored, the next login
    /// tries again.
    fn rehash_if_outdated(&self, user: &User, password: &str) {
        if !self.hasher.is_outdated(&user.password_hash) {
            return;
        }
        let rehashed = self.hasher.hash(password).and_then(|new_hash| {
            let old_hash = user.password_hash.clone();
            self.store.write(Rehash { user: user.id, old_hash, new_hash })
        });
        if let Err(why) = rehashed {
            log::warn!("user {} keeps an outdated password hash: {why}", user.id);
        }
    }

    /// The caller's own account.
    pub fn me(&self, cx: &Context, caller: &Caller) -> Result<User> {
        self.operations.get_me.run(cx, |notes| {
            let id = caller.require_user()?;
            notes.add("user", id);
            self.store.read()?.user(id)?.ok_or(Error::NotFound)
        })
    }

    /// Creates a user; for admins.
    pub fn register(&self, cx: &Context, caller: &Caller, new: NewUser) -> Result<User> {
        self.operations.register.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            let password_hash = self.hasher.hash(new.password.as_str())?;
            let user = self.store.write(CreateUser {
                username: new.username,
                email: new.email,
                role: new.role,
                password_hash,
                at: self.clock.now(),
            })?;
            notes.add("user", user.id);
            Ok(user)
        })
    }

    /// Changes the caller's password and revokes all of the caller's tokens.
    pub fn change_password(
        &self,
        cx: &Context,
        caller: &Caller,
        old: &str,
        new: &Password,
    ) -> Result<()> {
        self.operations.change_password.run(cx, |notes| {
            let id = caller.require_user()?;
            notes.add("user", id);
            let user = self.store.read()?.user(id)?.ok_or(Error::NotFound)?;
            if !self.hasher.verify(old, Some(&user.password_hash))? {
                return Err(Error::Refused("Incorrect password"));
            }
            let hash = self.hasher.hash(new.as_str())?;
            let replaces = Some(user.password_hash);
            self.store.write(SetPassword { user: id, hash, replaces }).map(drop)
        })
    }

    /// Changes a user's password and revokes all of the user's tokens; for admins.
    pub fn set_password(
        &self,
        cx: &Context,
        caller: &Caller,
        user: UserId,
        new: &Password,
    ) -> Result<()> {
        self.operations.set_password.run(cx, |notes| {
            caller.note(notes);
            notes.add("user", user);
            caller.require_admin()?;
            if self.store.read()?.token_status(user)?.is_none() {
                return Err(Error::NotFound);
            }
            let hash = self.hasher.hash(new.as_str())?;
            self.store.write(SetPassword { user, hash, replaces: None }).map(drop)
        })
    }

    /// Disables a user, or enables one again; for admins.
    pub fn set_disabled(
        &self,
        cx: &Context,
        caller: &Caller,
        user: UserId,
        disabled: bool,
    ) -> Result<User> {
        self.operations.set_disabled.run(cx, |notes| {
            caller.note(notes);
            notes.add("user", user);
            notes.add("disabled", disabled);
            caller.require_admin()?;
            self.store.write(SetDisabled { user, disabled })
        })
    }

    /// Users with ids above `after`, `limit` at most; for admins.
    pub fn users(
        &self,
        cx: &Context,
        caller: &Caller,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<User>> {
        self.operations.list_users.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            self.store.read()?.users(after, limit)
        })
    }

    /// The user of that name, compared without case; for the command line.
    pub fn user_named(&self, name: &str) -> Result<Option<User>> {
        self.store.read()?.user_by_name(name)
    }

    pub fn has_users(&self) -> Result<bool> {
        self.store.read()?.has_users()
    }

    /// Creates the first admin; `None` if there is a user already.
    pub fn create_first_admin(&self, new: NewAdmin) -> Result<Option<User>> {
        let admin = CreateUser {
            password_hash: self.hasher.hash(new.password.as_str())?,
            username: new.username,
            email: new.email,
            role: Role::Admin,
            at: self.clock.now(),
        };
        self.store.write(CreateFirstAdmin { admin, default_password: new.is_default_password })
    }

    /// The user who still has the default password, if anyone.
    pub fn user_with_default_password(&self) -> Result<Option<User>> {
        self.store.read()?.default_password_user()
    }

    /// A new random password that meets the policy.
    pub fn random_password() -> Result<Password> {
        let text = format!("Aa1-{}", random_hex::<12>().map_err(Error::internal)?);
        Ok(Password::given(text))
    }
}
