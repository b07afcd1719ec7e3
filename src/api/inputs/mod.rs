//! The types of fields: how each is read, and what the document says of it.

pub mod codes;
pub mod moments;
pub mod numbers;
pub mod text;

use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use super::openapi::schemas;
use super::reader::{FromJson, Reader};
use crate::domain::{EmailAddress, Password, Role, Username, password};
use crate::error::{Error, Problem, Result};

/// Any string.
impl FromJson for String {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<String> {
        reader.string(value).map(str::to_owned)
    }

    fn describe() -> RefOr<Schema> {
        schemas::string()
    }
}

/// The name that a user is given.
impl FromJson for Username {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Username> {
        reader.parsed(value, Username::parse)
    }

    fn describe() -> RefOr<Schema> {
        schemas::username()
    }
}

impl FromJson for EmailAddress {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<EmailAddress> {
        reader.parsed(value, EmailAddress::parse)
    }

    fn describe() -> RefOr<Schema> {
        schemas::email()
    }
}

/// What may be absent or null.
impl<T: FromJson> FromJson for Option<T> {
    fn absent() -> Option<Option<T>> {
        Some(None)
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::read(value, reader).map(Some),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(T::describe())
    }
}

/// A field of a change: what is absent stays. Null is a value like any other.
#[derive(Debug)]
pub struct Given<T>(pub Option<T>);

impl<T: FromJson> FromJson for Given<T> {
    fn absent() -> Option<Given<T>> {
        Some(Given(None))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Given<T>> {
        T::read(value, reader).map(|given| Given(Some(given)))
    }

    fn describe() -> RefOr<Schema> {
        T::describe()
    }
}

/// A boolean, and nothing else; false where it is absent or null.
#[derive(Debug)]
pub struct StrictBool(pub bool);

impl FromJson for StrictBool {
    fn absent() -> Option<StrictBool> {
        Some(StrictBool(false))
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<StrictBool> {
        match value {
            Value::Null => StrictBool::absent(),
            Value::Bool(value) => Some(StrictBool(*value)),
            other => reader.fault(Problem::NotABool, other),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::or_null(schemas::boolean())
    }
}

/// A role; that of a user where it is absent.
impl FromJson for Role {
    fn absent() -> Option<Role> {
        Some(Role::User)
    }

    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Role> {
        match value.as_str().and_then(Role::parse) {
            Some(role) => Some(role),
            None => reader.fault(Problem::NotOneOf { expected: Role::EXPECTED }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::role_or_default()
    }
}

/// A role that has no default.
#[derive(Debug)]
pub struct GivenRole(pub Role);

impl FromJson for GivenRole {
    fn read(value: &Value, reader: &mut Reader) -> Option<GivenRole> {
        Role::read(value, reader).map(GivenRole)
    }

    fn describe() -> RefOr<Schema> {
        schemas::role()
    }
}

/// The one way to log in that `POST /auth/token` knows.
#[derive(Debug)]
pub struct PasswordGrant;

impl FromJson for PasswordGrant {
    fn read(value: &Value, reader: &mut Reader) -> Option<PasswordGrant> {
        match value.as_str() {
            Some("password") => Some(PasswordGrant),
            _ => reader.fault(Problem::NotOneOf { expected: "'password'" }, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::choice(["password"]).into()
    }
}

/// A password that is to be set.
#[derive(Debug)]
pub struct NewPassword(String);

impl NewPassword {
    /// # Errors
    /// It misses the policy. That is told after all faults of the fields.
    pub fn check(&self) -> Result<Password> {
        Password::parse(&self.0).ok_or(Error::Refused(password::POLICY))
    }
}

impl FromJson for NewPassword {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<NewPassword> {
        String::read(value, reader).map(NewPassword)
    }

    fn describe() -> RefOr<Schema> {
        schemas::password()
    }
}

/// A password that is compared with one that was set.
#[derive(Debug)]
pub struct KnownPassword(String);

impl KnownPassword {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromJson for KnownPassword {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<KnownPassword> {
        String::read(value, reader).map(KnownPassword)
    }

    fn describe() -> RefOr<Schema> {
        schemas::known_password()
    }
}

/// A boolean as the old service took them: also `1`, `0`, `"yes"`, `"off"` …
#[derive(Debug)]
pub struct LaxBool(pub bool);

impl FromJson for LaxBool {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<LaxBool> {
        match lax_bool(value) {
            Ok(parsed) => Some(LaxBool(parsed)),
            Err(problem) => reader.fault(problem, value),
        }
    }

    fn describe() -> RefOr<Schema> {
        schemas::lax_bool()
    }
}

/// # Errors
/// What is wrong with it, in pydantic's words.
pub fn lax_bool(value: &Value) -> std::result::Result<bool, Problem> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Ok(true),
            Some(0.0) => Ok(false),
            // A fraction is no boolean at all; a whole number is one that can't be read.
            Some(number) if number.fract() != 0.0 => Err(Problem::NotABool),
            _ => Err(Problem::UnreadableBool),
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
            _ => Err(Problem::UnreadableBool),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Problem::NotABool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_are_lax() {
        for yes in
            [json!(true), json!(1), json!(1.0), json!("TRUE"), json!("y"), json!("On"), json!("1")]
        {
            assert_eq!(lax_bool(&yes), Ok(true), "{yes}");
        }
        for no in
            [json!(false), json!(0), json!(0.0), json!("f"), json!("No"), json!("off"), json!("0")]
        {
            assert_eq!(lax_bool(&no), Ok(false), "{no}");
        }
        for unreadable in [json!(2), json!(-1), json!("maybe"), json!(""), json!(" true")] {
            assert_eq!(lax_bool(&unreadable), Err(Problem::UnreadableBool), "{unreadable}");
        }
        for other in [json!(null), json!(1.5), json!([true]), json!({})] {
            assert_eq!(lax_bool(&other), Err(Problem::NotABool), "{other}");
        }
    }
}
