use crate::domain::{EmailAddress, NewUser, Password, Role, Username, password};
use crate::error::{Error, Result};
use crate::http::bodies::{LoginBody, UserBody, reply};
use crate::http::call::Call;
use crate::http::reply::Reply;

pub fn login(call: &Call<'_>) -> Result<Reply> {
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
    Ok(reply(200, &body))
}

pub fn register(call: &Call<'_>) -> Result<Reply> {
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
    let password = Password::parse(password).ok_or(Error::Refused(password::POLICY))?;
    let new = NewUser { username, email, password, role };
    let user = call.service().register(call.cx, &call.caller, new)?;
    Ok(reply(200, &UserBody::from(&user)))
}

pub fn me(call: &Call<'_>) -> Result<Reply> {
    let user = call.service().me(call.cx, &call.caller)?;
    Ok(reply(200, &UserBody::from(&user)))
}

/// A field that was not read has its fault, and `check` has told it.
fn unread() -> Error {
    Error::Internal("a field is absent without a fault".into())
}
