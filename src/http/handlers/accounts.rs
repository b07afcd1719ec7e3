//! Logging in, being someone, becoming someone.

use utoipa::ToSchema;

use super::unread;
use crate::domain::{EmailAddress, NewUser, Password, Role, Username, password};
use crate::error::{Error, Result};
use crate::http::bodies::{LoginBody, UserBody, response};
use crate::http::call::Call;
use crate::http::openapi::schemas;
use crate::http::response::Response;

/// Who logs in.
#[derive(ToSchema)]
#[schema(as = Login)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct LoginRequest {
    username: String,
    #[schema(schema_with = schemas::known_password)]
    password: String,
}

pub fn login(call: &Call<'_>) -> Result<Response> {
    let mut fields = call.fields()?;
    let (username, password) = (fields.string("username"), fields.string("password"));
    fields.check()?;
    let (Some(username), Some(password)) = (username, password) else { return Err(unread()) };
    let login = call.service().login(call.cx, username, password)?;
    let body = LoginBody {
        access_token: &login.token,
        token_type: "bearer",
        user_info: UserBody::from(&login.user),
    };
    Ok(response(200, &body))
}

/// A user who is to be made.
#[derive(ToSchema)]
#[schema(as = NewUser)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct RegisterRequest {
    #[schema(schema_with = schemas::username)]
    username: String,
    #[schema(schema_with = schemas::email)]
    email: String,
    #[schema(schema_with = schemas::password)]
    password: String,
    #[schema(schema_with = schemas::role_or_default, required = false)]
    role: String,
}

pub fn register(call: &Call<'_>) -> Result<Response> {
    let mut fields = call.fields()?;
    let username = fields.parsed("username", Username::parse);
    let email = fields.parsed("email", EmailAddress::parse);
    let password = fields.string("password");
    let role = fields.choice("role", Role::User, Role::EXPECTED, Role::parse);
    fields.check()?;
    let (Some(username), Some(email), Some(password), Some(role)) =
        (username, email, password, role)
    else {
        return Err(unread());
    };
    let password = read_password(Some(password))?;
    let new = NewUser { username, email, password, role };
    let user = call.service().register(call.cx, &call.caller, new)?;
    Ok(response(200, &UserBody::from(&user)))
}

pub fn me(call: &Call<'_>) -> Result<Response> {
    let user = call.service().me(call.cx, &call.caller)?;
    Ok(response(200, &UserBody::from(&user)))
}

/// A new password, and the one that is to go.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct PasswordChange {
    #[schema(schema_with = schemas::known_password)]
    old_password: String,
    #[schema(schema_with = schemas::password)]
    new_password: String,
}

pub fn change_password(call: &Call<'_>) -> Result<Response> {
    let mut fields = call.fields()?;
    let (old, new) = (fields.string("old_password"), fields.string("new_password"));
    fields.check()?;
    let (old, new) = (old.ok_or_else(unread)?, read_password(new)?);
    call.service().change_password(call.cx, &call.caller, old, &new)?;
    Ok(Response::new(204))
}

/// A password that is to be set, by the policy.
pub fn read_password(text: Option<&str>) -> Result<Password> {
    Password::parse(text.ok_or_else(unread)?).ok_or(Error::Refused(password::POLICY))
}
