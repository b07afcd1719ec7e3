//! Placing an order, and looking one up.

use serde_json::Value;
use utoipa::ToSchema;

use super::unread;
use crate::domain::{NewOrder, OrderId, Outcome};
use crate::error::{Error, Problem, Result, Violation};
use crate::http::bodies::{OrderBody, response};
use crate::http::call::Call;
use crate::http::openapi::schemas;
use crate::http::response::Response;
use crate::service::Placing;
use crate::store::Placed;

/// An order that is to be placed.
#[derive(ToSchema)]
#[schema(as = NewOrder)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct OrderRequest {
    #[schema(schema_with = schemas::lax_bool)]
    success: bool,
}

pub fn create(call: &Call<'_>) -> Result<Placing> {
    let mut fields = call.fields()?;
    let success = fields.lax_bool("success");
    fields.check()?;
    let key = call.header("Idempotency-Key").map(idempotency_key).transpose()?;
    let new = NewOrder { outcome: Outcome::from_success(success.ok_or_else(unread)?) };
    Ok(call.service().place(&call.caller, new, key))
}

pub fn placed(placed: &Placed) -> Response {
    let answer = response(200, &OrderBody::from(&placed.order));
    match placed.replayed {
        true => answer.header("Idempotent-Replayed", "true"),
        false => answer,
    }
}

pub fn get(call: &Call<'_>) -> Result<Response> {
    let id = OrderId(call.path_id("order_id")?);
    let order = call.service().order(call.cx, &call.caller, id)?;
    Ok(response(200, &OrderBody::from(&order)))
}

const MAX_KEY_CHARS: usize = 255;

/// 1 to 255 visible characters, bare or in quotes (draft-ietf-httpapi-idempotency-key-header
/// has a quoted string; most clients send it bare).
fn idempotency_key(given: &str) -> Result<String> {
    let inner = given.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let key = inner.unwrap_or(given);
    let problem = match key.len() {
        0 => Problem::TooShort { min: 1 },
        len if len > MAX_KEY_CHARS => Problem::TooLong { max: MAX_KEY_CHARS },
        _ if key.bytes().all(|byte| byte.is_ascii_graphic()) => return Ok(key.to_owned()),
        _ => Problem::Value { reason: "Only visible ASCII characters are allowed".into() },
    };
    let location = vec!["header".into(), "idempotency-key".into()];
    Err(Error::Invalid(vec![Violation::new(location, problem, Value::from(given))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_quoted_and_bare() {
        assert_eq!(idempotency_key("\"abc-1\"").unwrap(), "abc-1");
        assert_eq!(idempotency_key("abc-1").unwrap(), "abc-1");
        assert!(idempotency_key(&"x".repeat(255)).is_ok());
        for wrong in ["", "\"\"", "a b", &"x".repeat(256)] {
            assert!(idempotency_key(wrong).is_err(), "{wrong:?}");
        }
    }
}
