//! Users: logins, tokens, passwords, and what admins do with accounts.

use std::time::Duration;

use crate::auth::{Requester, Verdict, is_api_key, random_hex};
use crate::clock::Timestamp;
use crate::domain::{EmailAddress, Network, NewUser, Password, Role, User, UserId, Username};
use crate::error::{Error, Result, Unauthenticated};
use crate::store::{
    CreateFirstAdmin, CreateUser, LogOut, Rehash, RememberNetwork, SetDisabled, SetPassword,
    UpdateUser,
};

use super::caller::Caller;
use super::context::Context;
use super::operation::Notes;
use super::state::Service;

/// A successful login.
#[derive(Debug)]
pub struct Login {
    pub token: String,
    /// How long the token counts.
    pub life: Duration,
    pub user: User,
}

/// A network's last login is noted anew once it is so old, to forget those of long ago first.
const NOTE_AGAIN: Duration = Duration::from_secs(86_400);

/// Where a login comes from, and under whose name.
struct LoginOrigin {
    network: Network,
    user: Option<User>,
    /// When the user has last logged in from that network.
    last_login: Option<Timestamp>,
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
    /// The caller that a token or a key stands for.
    ///
    /// # Errors
    /// It is bad, expired or revoked, or its user is disabled.
    pub fn authenticate(&self, credential: &str) -> Result<Caller> {
        match is_api_key(credential) {
            true => self.authenticate_key(credential),
            false => self.authenticate_token(credential),
        }
    }

    fn authenticate_token(&self, token: &str) -> Result<Caller> {
        let claims = self.tokens.read(token, self.clock.now())?;
        match self.store.read()?.token_status(claims.user)? {
            Some(status)
                if !status.disabled
                    && status.token_generation == claims.generation
                    && *status.username == *claims.username =>
            {
                Ok(Caller::User { id: claims.user, role: status.role, key: None })
            }
            _ => Err(Error::Unauthenticated(Unauthenticated::BadToken)),
        }
    }

    /// A token for a name and its password. An unknown name takes as long as a wrong password
    /// and gives the same error.
    pub fn login(&self, cx: &Context, username: &str, password: &str) -> Result<Login> {
        let result = self.operations.login.run(cx, |notes| {
            notes.add("client", cx.client);
            let origin = self.login_origin(cx, username)?;
            let attempt = self.limits.begin_login(username, origin.is_known(), cx)?;
            let checked = self.check_password(cx, &origin, password, notes);
            if !matches!(checked, Err(Error::Unauthenticated(_))) {
                self.limits.refund_name(attempt, cx);
            }
            let (user, verdict) = checked?;
            self.remember_network(&user, &origin);
            if verdict == Verdict::Outdated {
                self.rehash(&origin.requester(cx), &user, password);
            }
            let token = self.tokens.issue(&user, self.clock.now())?;
            Ok(Login { token, life: self.tokens.life(), user })
        });
        self.counters.count_login(result.as_ref().err().map(Error::kind));
        result
    }

    /// Reads the same rows whether or not there is a user of that name.
    fn login_origin(&self, cx: &Context, username: &str) -> Result<LoginOrigin> {
        let network = Network::of(cx.client);
        let read = self.store.read()?;
        let user = read.user_by_name(username)?;
        let id = user.as_ref().map_or(UserId(0), |user| user.id);
        let last_login = read.last_login_from(id, network)?;
        Ok(LoginOrigin { network, user, last_login })
    }

    fn check_password(
        &self,
        cx: &Context,
        origin: &LoginOrigin,
        password: &str,
        notes: &mut Notes,
    ) -> Result<(User, Verdict)> {
        let hash = origin.user.as_ref().map(|user| user.password_hash.as_str());
        let verdict = self.hasher.verify(&origin.requester(cx), password, hash)?;
        if let Some(user) = &origin.user {
            notes.add("user", user.id);
        }
        match &origin.user {
            Some(user) if verdict != Verdict::Wrong && !user.disabled => {
                Ok((user.clone(), verdict))
            }
            _ => Err(Error::Unauthenticated(Unauthenticated::BadCredentials)),
        }
    }

    /// Nobody waits for this write: while the disk hangs, logins go on. If it is lost, the next
    /// login from there makes it again.
    fn remember_network(&self, user: &User, origin: &LoginOrigin) {
        let (now, network) = (self.clock.now(), origin.network);
        let is_fresh = origin.last_login.is_some_and(|at| now.since(at) < NOTE_AGAIN);
        if is_fresh || network.is_loopback() {
            return;
        }
        if let Err(why) = self.store.begin(RememberNetwork { user: user.id, network, at: now }) {
            log::warn!("where user {} logs in from is not noted: {why}", user.id);
        }
    }

    /// Only a login has the password at hand. If the new hash can't be stored, the next login
    /// tries again.
    fn rehash(&self, requester: &Requester, user: &User, password: &str) {
        let rehashed = self.hasher.hash(requester, password).and_then(|new_hash| {
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

    /// Ends all of the caller's tokens.
    pub fn log_out(&self, cx: &Context, caller: &Caller) -> Result<()> {
        self.operations.log_out.run(cx, |notes| {
            caller.refuse_key()?;
            let user = caller.require_user()?;
            notes.add("user", user);
            self.store.write(LogOut { user })
        })
    }

    /// Creates a user; for admins.
    pub fn register(&self, cx: &Context, caller: &Caller, new: NewUser) -> Result<User> {
        self.operations.register.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            caller.require_admin()?;
            let password_hash = self.hasher.hash(&trusted(cx), new.password.as_str())?;
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
            caller.refuse_key()?;
            let id = caller.require_user()?;
            notes.add("user", id);
            let user = self.store.read()?.user(id)?.ok_or(Error::NotFound)?;
            let hash = Some(user.password_hash.as_str());
            if self.hasher.verify(&trusted(cx), old, hash)? == Verdict::Wrong {
                return Err(Error::Refused("Incorrect password"));
            }
            let hash = self.hasher.hash(&trusted(cx), new.as_str())?;
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
            caller.refuse_key()?;
            caller.require_admin()?;
            if self.store.read()?.token_status(user)?.is_none() {
                return Err(Error::NotFound);
            }
            let hash = self.hasher.hash(&trusted(cx), new.as_str())?;
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
            caller.refuse_key()?;
            caller.require_admin()?;
            self.store.write(SetDisabled { user, disabled })
        })
    }

    /// One user; for admins.
    pub fn user(&self, cx: &Context, caller: &Caller, id: UserId) -> Result<User> {
        self.operations.get_user.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            notes.add("user", id);
            caller.require_admin()?;
            self.store.read()?.user(id)?.ok_or(Error::NotFound)
        })
    }

    /// Gives a user another name, address or role; for admins.
    pub fn update_user(&self, cx: &Context, caller: &Caller, update: UpdateUser) -> Result<User> {
        self.operations.update_user.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            notes.add("user", update.user);
            if let Some(role) = update.role {
                notes.add("role", role.as_str());
            }
            caller.require_admin()?;
            self.store.write(update)
        })
    }

    /// Users with ids above `after`, `limit` at most, whose name or address begins with `prefix`
    /// where there is one; for admins.
    pub fn users(
        &self,
        cx: &Context,
        caller: &Caller,
        prefix: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<Vec<User>> {
        self.operations.list_users.run(cx, |notes| {
            caller.note(notes);
            caller.refuse_key()?;
            caller.require_admin()?;
            let read = self.store.read()?;
            match prefix {
                Some(prefix) => read.users_like(prefix, after, limit),
                None => read.users(after, limit),
            }
        })
    }

    pub fn has_users(&self) -> Result<bool> {
        self.store.read()?.has_users()
    }

    /// Creates the first admin; `None` if there is a user already.
    pub fn create_first_admin(&self, new: NewAdmin) -> Result<Option<User>> {
        let admin = CreateUser {
            password_hash: self.hasher.hash(&trusted(&Context::local()), new.password.as_str())?,
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

impl LoginOrigin {
    /// Whether the user has logged in from there before. Whoever is on this host is known.
    fn is_known(&self) -> bool {
        self.network.is_loopback() || self.last_login.is_some()
    }

    fn requester(&self, cx: &Context) -> Requester {
        let tokens_left = cx.limit_state().map_or(0, |state| state.bucket.remaining);
        Requester { client: self.network, is_known: self.is_known(), tokens_left }
    }
}

/// One who has proved who they are.
fn trusted(cx: &Context) -> Requester {
    Requester { client: Network::of(cx.client), is_known: true, tokens_left: 0 }
}
