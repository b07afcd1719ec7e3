//! Logging in, being someone, becoming someone.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::body;
use super::call::Call;
use super::inputs::{Given, KnownPassword, NewPassword, PasswordGrant};
use super::json;
use super::openapi::{OperationDoc, Tag, plain_response, schemas};
use crate::domain::{EmailAddress, NewUser, Role, User, Username};
use crate::error::Result;
use crate::http::Response;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody<'a> {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    pub username: &'a str,
    pub email: &'a str,
    #[schema(schema_with = schemas::role)]
    pub role: &'static str,
    #[schema(schema_with = schemas::time)]
    pub created_at: String,
}

impl<'a> From<&'a User> for UserBody<'a> {
    fn from(user: &'a User) -> UserBody<'a> {
        UserBody {
            id: user.id.0,
            username: user.username.as_str(),
            email: user.email.as_str(),
            role: user.role.as_str(),
            created_at: user.created_at.to_string(),
        }
    }
}

body! {
    /// Who logs in.
    pub struct LoginRequest as "Login" {
        username: String,
        password: KnownPassword,
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub struct LoginBody<'a> {
    pub access_token: &'a str,
    #[schema(schema_with = schemas::bearer)]
    pub token_type: &'static str,
    pub user_info: UserBody<'a>,
}

pub fn login(call: &Call<'_>) -> Result<Response> {
    let LoginRequest { username, password } = call.read_body()?;
    let login = call.service().login(call.cx, &username, password.as_str())?;
    let body = LoginBody {
        access_token: &login.token,
        token_type: "bearer",
        user_info: UserBody::from(&login.user),
    };
    Ok(json::response(200, &body))
}

pub fn describe_login() -> OperationDoc {
    OperationDoc::new("login", Tag::Accounts, "Log in")
        .about(
            "Gives a token (a JWT) for `Authorization: Bearer`. A wrong name, a wrong password \
             and a disabled user are answered alike, in time too. Limited by client address and, \
             where logins fail, by username.",
        )
        .reads::<LoginRequest>(json!({ "username": "admin", "password": "Admin123" }))
        .answers::<LoginBody>("The token, and whose it is")
        .fails_with(401)
}

body! {
    /// Who logs in, as OAuth2's password flow has it. Other fields of that are ignored.
    pub struct TokenRequest as "TokenRequest" {
        grant_type: Given<PasswordGrant>,
        username: String,
        password: KnownPassword,
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenBody<'a> {
    pub access_token: &'a str,
    #[schema(schema_with = schemas::bearer)]
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
}

pub fn token(call: &Call<'_>) -> Result<Response> {
    let TokenRequest { grant_type: _, username, password } = call.read_body()?;
    let login = call.service().login(call.cx, &username, password.as_str())?;
    let body = TokenBody {
        access_token: &login.token,
        token_type: "bearer",
        expires_in: login.life.as_secs(),
    };
    Ok(json::response(200, &body))
}

pub fn describe_token() -> OperationDoc {
    OperationDoc::new("token", Tag::Accounts, "Log in as OAuth2 does (password flow)")
        .about(
            "For Swagger's *Authorize*, and for clients that know OAuth2. It counts as a login, and \
             fails as one. `grant_type` may be left out.",
        )
        .reads_form::<TokenRequest>()
        .answers::<TokenBody>("The token")
        .fails_with(401)
}

pub fn log_out(call: &Call<'_>) -> Result<Response> {
    call.service().log_out(call.cx, &call.caller)?;
    Ok(Response::new(204))
}

pub fn describe_log_out() -> OperationDoc {
    OperationDoc::new("logout", Tag::Accounts, "End all of my tokens")
        .about("On every device, this one too.")
        .responds(204, plain_response("They have ended"))
}

body! {
    /// A user who is to be made.
    pub struct RegisterRequest as "NewUser" {
        username: Username,
        email: EmailAddress,
        password: NewPassword,
        role: Role,
    }
}

pub fn register(call: &Call<'_>) -> Result<Response> {
    let RegisterRequest { username, email, password, role } = call.read_body()?;
    let new = NewUser { username, email, password: password.check()?, role };
    let user = call.service().register(call.cx, &call.caller, new)?;
    Ok(json::response(200, &UserBody::from(&user)))
}

pub fn describe_register() -> OperationDoc {
    OperationDoc::new("register", Tag::Accounts, "Make a user (admins)")
        .about(
            "400 where the password misses the policy, or the username or the email is another's \
             already; both are compared without case.",
        )
        .reads::<RegisterRequest>(json!({
            "username": "ann", "email": "ann@example.com", "password": "Secure1!", "role": "user",
        }))
        .answers::<UserBody>("The user")
}

pub fn me(call: &Call<'_>) -> Result<Response> {
    let user = call.service().me(call.cx, &call.caller)?;
    Ok(json::response(200, &UserBody::from(&user)))
}

pub fn describe_me() -> OperationDoc {
    OperationDoc::new("me", Tag::Accounts, "Who I am").answers::<UserBody>("The caller")
}

body! {
    /// A new password, and the one that is to go.
    pub struct PasswordChange as "PasswordChange" {
        old_password: KnownPassword,
        new_password: NewPassword,
    }
}

pub fn change_password(call: &Call<'_>) -> Result<Response> {
    let PasswordChange { old_password, new_password } = call.read_body()?;
    let new = new_password.check()?;
    call.service().change_password(call.cx, &call.caller, old_password.as_str(), &new)?;
    Ok(Response::new(204))
}

pub fn describe_change_password() -> OperationDoc {
    OperationDoc::new("change_password", Tag::Accounts, "Change my password")
        .about(
            "Ends all of the caller's tokens at once, this one too. 400 where the old password is \
             wrong or the new one misses the policy.",
        )
        .reads::<PasswordChange>(json!({ "old_password": "Secure1!", "new_password": "Secure2!" }))
        .responds(204, plain_response("It is changed"))
}
