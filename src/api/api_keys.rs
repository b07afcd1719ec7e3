//! API keys.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::body;
use super::call::Call;
use super::inputs::moments::FutureMoment;
use super::inputs::text::Line;
use super::json;
use super::openapi::{OperationDoc, Tag, plain_response, schemas};
use super::order_body::zoned;
use super::query::Query;
use crate::domain::{ApiKey, ApiKeyId, MAX_ID, UserId};
use crate::error::Result;
use crate::http::Response;
use crate::service::{Caller, NewApiKey};

body! {
    /// A key that is to be made.
    pub strict struct ApiKeyRequest as "NewKey" {
        name: Line<{ ApiKey::MAX_NAME_CHARS }>,
        expires_at: FutureMoment,
    }
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeKey)]
pub struct MadeKeyBody<'a> {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    pub name: &'a str,
    /// What to send as `Authorization: Bearer`. It is shown here only.
    #[schema(schema_with = schemas::api_key)]
    pub key: &'a str,
    #[schema(schema_with = schemas::zoned_time)]
    pub created_at: String,
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    /// Null where it has no end.
    pub expires_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyBody<'a> {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    pub name: &'a str,
    #[schema(schema_with = schemas::zoned_time)]
    pub created_at: String,
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    pub expires_at: Option<String>,
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    pub last_used_at: Option<String>,
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    pub revoked_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Keys)]
pub struct KeysBody<'a> {
    pub keys: Vec<KeyBody<'a>>,
}

impl<'a> From<&'a ApiKey> for KeyBody<'a> {
    fn from(key: &'a ApiKey) -> KeyBody<'a> {
        KeyBody {
            id: key.id.0,
            name: &key.name,
            created_at: zoned(key.created_at),
            expires_at: key.expires_at.map(zoned),
            last_used_at: key.last_used_at.map(zoned),
            revoked_at: key.revoked_at.map(zoned),
        }
    }
}

pub fn create(call: &Call<'_>) -> Result<Response> {
    let ApiKeyRequest { name, expires_at } = call.read_body()?;
    let new = NewApiKey { user: operators_choice(call)?, name: name.0, expires_at: expires_at.0 };
    let made = call.service().create_key(call.cx, &call.caller, new)?;
    let body = MadeKeyBody {
        id: made.key.id.0,
        name: &made.key.name,
        key: &made.text,
        created_at: zoned(made.key.created_at),
        expires_at: made.key.expires_at.map(zoned),
    };
    Ok(json::response(200, &body))
}

/// The operator has no keys, and says in the query whose it is to be.
fn operators_choice(call: &Call<'_>) -> Result<Option<UserId>> {
    match call.caller {
        Caller::Operator => user_in_query(call),
        Caller::User { .. } | Caller::Anonymous => Ok(None),
    }
}

fn user_in_query(call: &Call<'_>) -> Result<Option<UserId>> {
    let mut query = Query::of(call.query, &["user_id"]);
    let user = query.integer("user_id", 1, MAX_ID).map(UserId);
    query.check()?;
    Ok(user)
}

pub fn describe_create() -> OperationDoc {
    OperationDoc::new("create_key", Tag::Accounts, "Make a key for a machine")
        .about(
            "A key stands for its user wherever a token does, until it expires, is revoked, or \
             its user is disabled; a change of the password leaves it. With a key, what makes or \
             ends credentials is 403, and so is everything under `/admin/`. A user has at most \
             32 active keys; one more is 409.",
        )
        .reads::<ApiKeyRequest>(json!({
            "name": "Kiosk at the door", "expires_at": "2036-01-01T00:00:00Z",
        }))
        .answers::<MadeKeyBody>("The key, this once")
        .fails_with(409)
}

pub fn list(call: &Call<'_>) -> Result<Response> {
    let user = user_in_query(call)?;
    let keys = call.service().keys(call.cx, &call.caller, user)?;
    Ok(json::response(200, &KeysBody { keys: keys.iter().map(KeyBody::from).collect() }))
}

pub fn describe_list() -> OperationDoc {
    let about = "The keys of this user, for admins; the caller's own if absent.";
    OperationDoc::new("list_keys", Tag::Accounts, "List my keys")
        .about(
            "The oldest first, with those that have expired or were revoked in the last 30 days. \
             `last_used_at` may be up to an hour old after the service was started again.",
        )
        .query("user_id", schemas::id(), about)
        .answers::<KeysBody>("The keys, without what they are used with")
        .fails_with(403)
        .fails_with(422)
}

pub fn revoke(call: &Call<'_>) -> Result<Response> {
    let id = ApiKeyId(call.path_id("key_id")?);
    call.service().revoke_key(call.cx, &call.caller, id)?;
    Ok(Response::new(204))
}

pub fn describe_revoke() -> OperationDoc {
    OperationDoc::new("revoke_key", Tag::Accounts, "Revoke a key")
        .about("One of the caller's own, or anyone's for an admin. It ends at once, for good.")
        .responds(204, plain_response("It is revoked"))
}
