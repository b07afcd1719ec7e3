//! Placing an order, and looking one up.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::call::{Call, Pending};
use super::faults::returned;
use super::inputs::LaxBool;
use super::json;
use super::openapi::{OperationDoc, Tag, response_with_headers, schemas};
use super::reader::body;
use crate::domain::{NewOrder, Order, OrderId, Outcome};
use crate::error::{Error, Problem, Result, Violation};
use crate::http::{Field, Response};
use crate::service::{Context, PendingOrder, Service};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderBody {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    #[schema(schema_with = schemas::id)]
    pub user_id: u64,
    pub success: bool,
    #[schema(schema_with = schemas::time)]
    pub created_at: String,
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> OrderBody {
        OrderBody {
            id: order.id.0,
            user_id: order.user.0,
            success: order.outcome.is_success(),
            created_at: order.created_at.to_string(),
        }
    }
}

body! {
    /// An order that is to be placed.
    pub struct OrderRequest as "NewOrder" {
        success: LaxBool,
    }
}

pub fn create(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let OrderRequest { success } = call.read_body()?;
    let key = call.header(Field::IdempotencyKey).map(idempotency_key).transpose()?;
    let new = NewOrder { outcome: Outcome::from_success(success.0) };
    Ok(Box::new(call.service().place(&call.caller, new, key)))
}

impl Pending for PendingOrder {
    fn is_ready(&self) -> bool {
        PendingOrder::is_ready(self)
    }

    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response> {
        let placed = service.placed(cx, *self)?;
        let response = json::response(200, &OrderBody::from(&placed.order));
        Ok(match placed.replayed {
            true => response.header("Idempotent-Replayed", "true"),
            false => response,
        })
    }
}

pub fn describe_create() -> OperationDoc {
    let headers = response_with_headers("The order", &["Idempotent-Replayed"]);
    OperationDoc::new("create_order", Tag::Orders, "Place an order")
        .about(
            "Answered once the order and its email are safe on disk, together. A request that is \
             sent again with the same `Idempotency-Key` and the same order gets the first answer \
             again and does nothing; with another order it is 422.",
        )
        .header(
            "Idempotency-Key",
            schemas::idempotency_key(),
            "1 to 255 visible characters, bare or in quotes, the caller's own for this order.",
        )
        .reads::<OrderRequest>(json!({ "success": true }))
        .answers_with::<OrderBody>(200, headers)
}

pub fn get(call: &Call<'_>) -> Result<Response> {
    let id = OrderId(call.path_id("order_id")?);
    let order = call.service().order(call.cx, &call.caller, id)?;
    Ok(json::response(200, &OrderBody::from(&order)))
}

pub fn describe_get() -> OperationDoc {
    OperationDoc::new("get_order", Tag::Orders, "Look an order up")
        .about("The caller's own, any for an admin; another's is 404.")
        .answers::<OrderBody>("The order")
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
    let input = returned("idempotency-key", &given.into());
    Err(Error::Invalid(vec![Violation::new(location, problem, input)]))
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
