//! Placing an order, and looking one up.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::call::{Call, Pending};
use super::faults::returned;
use super::json;
use super::openapi::{OperationDoc, Tag, response_with_headers, schemas};
use super::order_body::OrderBody;
use super::order_history::{OrderDetailBody, Reader};
use super::order_request::OrderRequest;
use crate::domain::{NewOrder, Order, OrderId};
use crate::error::{Error, Problem, Result, Violation};
use crate::http::{Field, Response};
use crate::service::{Context, PendingOrder, Service};

pub fn create(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let OrderRequest(new) = call.read_body()?;
    if let NewOrder::Content(content) = &new
        && content.owner.is_some()
        && content.owner != call.caller.require_user().ok()
    {
        call.caller.require_admin()?;
    }
    let key = call.header(Field::IdempotencyKey).map(idempotency_key).transpose()?;
    Ok(Box::new(call.service().place(&call.caller, new, key)))
}

impl Pending for PendingOrder {
    fn is_ready(&self) -> bool {
        PendingOrder::is_ready(self)
    }

    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response> {
        let placed = service.placed(cx, *self)?;
        Ok(order_response(&placed.order, placed.replayed))
    }
}

/// One order after a write, with its version.
pub fn order_response(order: &Order, replayed: bool) -> Response {
    let response = with_version(json::response(200, &OrderBody::from(order)), order);
    match replayed {
        true => response.header("Idempotent-Replayed", "true"),
        false => response,
    }
}

/// The order's version as an entity tag (RFC 9110, 8.8.3), for `If-Match`.
fn with_version(response: Response, order: &Order) -> Response {
    response.header("ETag", format!("\"{}\"", order.version()))
}

pub fn describe_create() -> OperationDoc {
    let headers = response_with_headers("The order", &["ETag", "Idempotent-Replayed"]);
    OperationDoc::new("create_order", Tag::Orders, "Place an order")
        .about(
            "Answered once the order and its email are safe on disk, together. A request that is \
             sent again with the same `Idempotency-Key` and the same order gets that order again, \
             as it is by then, and does nothing; with another order it is 422. An order with \
             `line_items` has content, a status and money; one with `success` only succeeds or \
             fails. A `reference_id` that the user has used before is 409, with its `order_id`.",
        )
        .header(
            "Idempotency-Key",
            schemas::idempotency_key(),
            "1 to 255 visible characters, bare or in quotes, the caller's own for this order.",
        )
        .reads::<OrderRequest>(json!({ "success": true }))
        .answers_with::<OrderBody<'_>>(200, headers)
        .fails_with(403)
        .fails_with(404)
        .fails_with(409)
}

pub fn get(call: &Call<'_>) -> Result<Response> {
    let id = OrderId(call.path_id("order_id")?);
    let order = call.service().order(call.cx, &call.caller, id)?;
    let reader = match call.caller.require_admin() {
        Ok(()) => Reader::Admin,
        Err(_) => Reader::Owner,
    };
    let response = json::response(200, &OrderDetailBody::of(&order, reader));
    Ok(with_version(response, &order))
}

pub fn describe_get() -> OperationDoc {
    let headers = response_with_headers("The order", &["ETag"]);
    OperationDoc::new("get_order", Tag::Orders, "Look an order up")
        .about("The caller's own, any for an admin; another's is 404.")
        .answers_with::<OrderDetailBody<'_>>(200, headers)
}

/// How many orders are open.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderCounts)]
pub struct CountsBody {
    pending: u64,
    processing: u64,
    ready: u64,
}

pub fn count(call: &Call<'_>) -> Result<Response> {
    let [pending, processing, ready] = call.service().count_open_orders(call.cx, &call.caller)?;
    Ok(json::response(200, &CountsBody { pending, processing, ready }))
}

pub fn describe_count() -> OperationDoc {
    OperationDoc::new("count_orders", Tag::Orders, "Count the open orders (admins)")
        .answers::<CountsBody>("How many orders are in each open status")
}

const MAX_KEY_CHARS: usize = 255;

/// 1 to 255 visible characters, bare or in quotes (draft-ietf-httpapi-idempotency-key-header
/// has a quoted string; most clients send it bare).
pub fn idempotency_key(given: &str) -> Result<String> {
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
