//! Users, for admins.

use utoipa::ToSchema;

use super::accounts::read_password;
use crate::domain::UserId;
use crate::error::Result;
use crate::http::bodies::{AccountBody, AccountsBody, response};
use crate::http::call::Call;
use crate::http::openapi::schemas;
use crate::http::query::{MAX_ID, Query};
use crate::http::response::Response;
use crate::store::PAGE_ROWS;

const DEFAULT_LIMIT: u64 = 100;

pub fn list(call: &Call<'_>) -> Result<Response> {
    let mut query = Query::of(call.query, &["limit", "after"]);
    let limit = query.integer("limit", 1, PAGE_ROWS as u64).unwrap_or(DEFAULT_LIMIT) as usize;
    let after = query.integer("after", 1, MAX_ID).unwrap_or(0);
    query.check()?;
    let mut users = call.service().users(call.cx, &call.caller, UserId(after), limit + 1)?;
    let more = users.len() > limit;
    users.truncate(limit);
    let body = AccountsBody {
        next: users.last().filter(|_| more).map(|user| user.id.0),
        users: users.iter().map(AccountBody::from).collect(),
    };
    Ok(response(200, &body))
}

pub fn disable(call: &Call<'_>) -> Result<Response> {
    set_disabled(call, true)
}

pub fn enable(call: &Call<'_>) -> Result<Response> {
    set_disabled(call, false)
}

fn set_disabled(call: &Call<'_>, disabled: bool) -> Result<Response> {
    let id = UserId(call.path_id("user_id")?);
    let user = call.service().set_disabled(call.cx, &call.caller, id, disabled)?;
    Ok(response(200, &AccountBody::from(&user)))
}

/// A new password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct PasswordReset {
    #[schema(schema_with = schemas::password)]
    new_password: String,
}

pub fn set_password(call: &Call<'_>) -> Result<Response> {
    let id = UserId(call.path_id("user_id")?);
    let mut fields = call.fields()?;
    let new = fields.string("new_password");
    fields.check()?;
    let new = read_password(new)?;
    call.service().set_password(call.cx, &call.caller, id, &new)?;
    Ok(Response::new(204))
}
