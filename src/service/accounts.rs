//! Users: who they are, and how they prove it.

use crate::auth::random_hex;
use crate::domain::{EmailAddress, NewUser, Password, Role, User, UserId, Username};
use crate::error::{Error, Result, Unauthenticated};
use crate::service::{Caller, Context, Notes, Service};
use crate::store::{CreateFirstAdmin, CreateUser, Rehash, SetDisabled, SetPassword};

/// A login that went well.
#[derive(Debug)]
pub struct Login {
    pub token: String,
    pub user: User,
}

/// What the first admin is made from.
#[derive(Debug)]
pub struct Seed {
    pub username: Username,
    pub email: EmailAddress,
    pub password: Password,
    /// Whether the password is the one that the old service published.
    pub published: bool,
}

/// What became of a [`Seed`].
#[derive(Debug)]
pub enum FirstAdmin {
    Created(User),
    /// There are users already.
    NotNeeded,
}

impl Service {
    /// Whom a token speaks for, if it still holds.
    pub fn authenticate(&self, token: &str) -> Result<Caller> {
        let claims = self.tokens.read(token, self.clock.now())?;
        let status = self.store.read()?.token_status(claims.user)?;
        match status {
            Some(status) if !status.disabled && status.token_generation == claims.generation => {
                Ok(Caller::User { id: claims.user, role: status.role })
            }
            _ => Err(Error::Unauthenticated(Unauthenticated::BadToken)),
        }
    }

    /// A token for a name and its password. A name that nobody has takes as long and
    /// answers the same as a wrong password.
    pub fn login(&self, cx: &Context, username: &str, password: &str) -> Result<Login> {
        let result = self.operations.login.run(cx, |notes| {
            notes.add("client", cx.client);
            let guess = self.limits.begin_guess(username, cx)?;
            let user = match self.check_password(username, password, notes) {
                Ok(user) => user,
                Err(wrong @ Error::Unauthenticated(_)) => return Err(wrong),
                Err(unchecked) => {
                    self.limits.withdraw(guess, cx);
                    return Err(unchecked);
                }
            };
            self.limits.forgive(username, guess, cx);
            self.rehash_if_outdated(&user, password);
            let token = self.tokens.issue(&user, self.clock.now())?;
            Ok(Login { token, user })
        });
        let outcome = result.as_ref().map_or_else(Error::kind, |_| "ok");
        self.counters.count_login(outcome);
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

    /// A login is the only moment at which the password is at hand. One that can't be
    /// kept up to date now is at the next login.
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

    /// Makes a user; for admins.
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

    /// Gives the caller another password and ends all of the caller's tokens.
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

    /// Gives a user another password and ends all of the user's tokens; for admins.
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

    /// Keeps a user out, or lets the user in again; for admins.
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

    /// The user of that name, in whatever case; for the command line.
    pub fn user_named(&self, name: &str) -> Result<Option<User>> {
        self.store.read()?.user_by_name(name)
    }

    pub fn has_users(&self) -> Result<bool> {
        self.store.read()?.has_users()
    }

    /// Makes the first admin, unless there is a user already.
    pub fn create_first_admin(&self, seed: Seed) -> Result<FirstAdmin> {
        let admin = CreateUser {
            password_hash: self.hasher.hash(seed.password.as_str())?,
            username: seed.username,
            email: seed.email,
            role: Role::Admin,
            at: self.clock.now(),
        };
        let write = CreateFirstAdmin { admin, default_password: seed.published };
        let created = self.store.write(write)?;
        Ok(created.map_or(FirstAdmin::NotNeeded, FirstAdmin::Created))
    }

    /// Who still has the published password, if anyone.
    pub fn user_with_published_password(&self) -> Result<Option<User>> {
        self.store.read()?.default_password_user()
    }

    /// A password that nobody knows yet and that meets the policy.
    pub fn random_password() -> Result<Password> {
        let text = format!("Aa1-{}", random_hex::<12>().map_err(Error::internal)?);
        Ok(Password::given(text))
    }
}
