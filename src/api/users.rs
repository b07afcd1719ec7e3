//! Users, for admins.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::accounts::UserBody;
use super::body::body;
use super::call::Call;
use super::inputs::{Given, GivenRole, NewPassword};
use super::json;
use super::openapi::{OperationDoc, Tag, plain_response, schemas};
use super::query::Query;
use crate::domain::{EmailAddress, MAX_ID, User, UserId, Username, email};
use crate::error::Result;
use crate::http::Response;
use crate::store::{PAGE_ROWS, UpdateUser};

const DEFAULT_LIMIT: u64 = 100;
/// Longest text that users are searched for, in characters: that of an address.
const MAX_SEARCH_CHARS: usize = email::MAX_CHARS;

/// A user as admins see one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountBody<'a> {
    #[serde(flatten)]
    pub user: UserBody<'a>,
    pub disabled: bool,
}

impl<'a> From<&'a User> for AccountBody<'a> {
    fn from(user: &'a User) -> AccountBody<'a> {
        AccountBody { user: UserBody::from(user), disabled: user.disabled }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Accounts)]
pub struct AccountsBody<'a> {
    pub users: Vec<AccountBody<'a>>,
    #[schema(schema_with = schemas::next, required)]
    /// What to give as `after` for the next page; null on the last.
    pub next: Option<u64>,
}

pub fn list(call: &Call<'_>) -> Result<Response> {
    let mut query = Query::of(call.query, &["limit", "after", "q"]);
    let limit = query.integer("limit", 1, PAGE_ROWS as u64).unwrap_or(DEFAULT_LIMIT) as usize;
    let after = query.integer("after", 1, MAX_ID).unwrap_or(0);
    let prefix = query.text_of("q", 1, MAX_SEARCH_CHARS);
    query.check()?;
    let (prefix, after) = (prefix.as_deref(), UserId(after));
    let mut users = call.service().users(call.cx, &call.caller, prefix, after, limit + 1)?;
    let more = users.len() > limit;
    users.truncate(limit);
    let body = AccountsBody {
        next: users.last().filter(|_| more).map(|user| user.id.0),
        users: users.iter().map(AccountBody::from).collect(),
    };
    Ok(json::response(200, &body))
}

pub fn describe_list() -> OperationDoc {
    let about = "Only those whose name or address begins so, in any case.";
    OperationDoc::new("list_users", Tag::Accounts, "List users (admins)")
        .paged(DEFAULT_LIMIT)
        .query("q", schemas::string_of(1, MAX_SEARCH_CHARS), about)
        .answers::<AccountsBody>("A page of users, oldest first")
        .fails_with(422)
}

pub fn get(call: &Call<'_>) -> Result<Response> {
    let id = UserId(call.path_id("user_id")?);
    let user = call.service().user(call.cx, &call.caller, id)?;
    Ok(json::response(200, &AccountBody::from(&user)))
}

pub fn describe_get() -> OperationDoc {
    OperationDoc::new("get_user", Tag::Accounts, "One user (admins)")
        .answers::<AccountBody>("The user")
}

body! {
    /// What is to change about a user; what is absent stays.
    pub struct UserChange as "UserChange" {
        email: Given<EmailAddress>,
        role: Given<GivenRole>,
        username: Given<Username>,
    }
}

pub fn update(call: &Call<'_>) -> Result<Response> {
    let user = UserId(call.path_id("user_id")?);
    let UserChange { email, role, username } = call.read_body()?;
    let role = role.0.map(|GivenRole(role)| role);
    let update = UpdateUser { user, username: username.0, email: email.0, role };
    let user = call.service().update_user(call.cx, &call.caller, update)?;
    Ok(json::response(200, &AccountBody::from(&user)))
}

pub fn describe_update() -> OperationDoc {
    OperationDoc::new(
        "update_user",
        Tag::Accounts,
        "Change a user's name, address or role (admins)",
    )
    .about(
        "Another name or role ends all of the user's tokens at once. 400 where the name or \
             the address is another's; 409 where the last enabled admin would be none any more.",
    )
    .reads::<UserChange>(json!({ "email": "ann@shop.example", "role": "admin" }))
    .answers::<AccountBody>("The user")
    .fails_with(409)
}

pub fn disable(call: &Call<'_>) -> Result<Response> {
    set_disabled(call, true)
}

pub fn describe_disable() -> OperationDoc {
    OperationDoc::new("disable_user", Tag::Accounts, "Disable a user (admins)")
        .about("Ends all of the user's tokens at once. 409 for the last admin that is enabled.")
        .answers::<AccountBody>("The user")
        .fails_with(409)
}

pub fn enable(call: &Call<'_>) -> Result<Response> {
    set_disabled(call, false)
}

pub fn describe_enable() -> OperationDoc {
    OperationDoc::new("enable_user", Tag::Accounts, "Enable a user (admins)")
        .answers::<AccountBody>("The user")
}

fn set_disabled(call: &Call<'_>, disabled: bool) -> Result<Response> {
    let id = UserId(call.path_id("user_id")?);
    let user = call.service().set_disabled(call.cx, &call.caller, id, disabled)?;
    Ok(json::response(200, &AccountBody::from(&user)))
}

body! {
    /// A new password.
    pub struct PasswordReset as "PasswordReset" {
        new_password: NewPassword,
    }
}

pub fn set_password(call: &Call<'_>) -> Result<Response> {
    let id = UserId(call.path_id("user_id")?);
    let PasswordReset { new_password } = call.read_body()?;
    call.service().set_password(call.cx, &call.caller, id, &new_password.check()?)?;
    Ok(Response::new(204))
}

pub fn describe_set_password() -> OperationDoc {
    OperationDoc::new("set_password", Tag::Accounts, "Reset a user's password (admins)")
        .about("Ends all of the user's tokens at once. 400 where it misses the policy.")
        .reads::<PasswordReset>(json!({ "new_password": "Secure2!" }))
        .responds(204, plain_response("It is set"))
}
