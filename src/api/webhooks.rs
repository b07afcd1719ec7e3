//! Webhooks, for admins: listed, tested, taken to another place in the feed. `webhook_setup` makes
//! and changes them.

use serde::Serialize;
use utoipa::ToSchema;

use super::body::body;
use super::call::{Call, Pending};
use super::event_body::{EventBody, precise};
use super::inputs::numbers::Position;
use super::json;
use super::openapi::{OperationDoc, Tag, plain_response, schemas};
use crate::clock::Timestamp;
use crate::domain::Order;
use crate::domain::event::{Event, Source};
use crate::domain::webhook::{WebhookAttempt, WebhookId};
use crate::error::{Error, Result};
use crate::http::Response;
use crate::service::{Context, Service, WebhookTest, WebhookView};
use crate::webhooks::tester::PendingTest;

/// A webhook as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    #[schema(schema_with = schemas::id)]
    id: u64,
    url: String,
    /// Null for all.
    #[schema(schema_with = schemas::event_types_or_null, required)]
    types: Option<Vec<&'static str>>,
    #[schema(required)]
    description: Option<String>,
    #[schema(schema_with = schemas::webhook_state)]
    state: &'static str,
    #[schema(schema_with = schemas::zoned_time)]
    created_at: String,
    /// The last event that was delivered, or that it doesn't want.
    #[schema(schema_with = schemas::position)]
    cursor: u64,
    /// Events past that one.
    #[schema(schema_with = schemas::position)]
    backlog: u64,
    /// The first failure since it last went well.
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    failing_since: Option<String>,
    /// When the event is tried again that has failed.
    #[schema(schema_with = schemas::zoned_time_or_null, required)]
    next_attempt_at: Option<String>,
    #[schema(required)]
    last_error: Option<String>,
}

/// A webhook with its secret, which is shown here alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct SecretBody {
    #[serde(flatten)]
    webhook: WebhookBody,
    /// `whsec_` and base64, as the libraries of Standard Webhooks take it.
    secret: String,
}

/// A webhook with its last attempts, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDetail)]
pub struct DetailBody {
    #[serde(flatten)]
    webhook: WebhookBody,
    attempts: Vec<AttemptBody>,
}

/// One delivery, as it went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub struct AttemptBody {
    #[schema(schema_with = schemas::zoned_time)]
    at: String,
    /// Null for a test.
    #[schema(schema_with = schemas::id_or_none, required)]
    event_id: Option<u64>,
    /// The answer's, where one came.
    #[schema(schema_with = schemas::http_status_or_null, required)]
    status: Option<u16>,
    /// How long it took.
    #[schema(schema_with = schemas::position)]
    ms: u64,
    /// Null after a success.
    #[schema(required)]
    error: Option<String>,
    /// The first 512 bytes of the answer.
    #[schema(required)]
    answer: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub struct WebhooksBody {
    webhooks: Vec<WebhookBody>,
}

impl From<&WebhookView> for WebhookBody {
    fn from(view: &WebhookView) -> WebhookBody {
        let webhook = &view.webhook;
        let types = webhook.types.as_ref();
        let next = webhook.failing.filter(|_| webhook.is_enabled()).map(|it| it.next_attempt);
        WebhookBody {
            id: webhook.id.0,
            url: webhook.url.as_str().to_owned(),
            types: types.map(|types| types.iter().map(|kind| kind.as_str()).collect()),
            description: webhook.description.clone(),
            state: webhook.state.as_str(),
            created_at: zoned(webhook.created_at),
            cursor: webhook.cursor.0,
            backlog: view.backlog,
            failing_since: webhook.failing.map(|failing| zoned(failing.since)),
            next_attempt_at: next.map(zoned),
            last_error: view.trouble.clone(),
        }
    }
}

impl From<&WebhookAttempt> for AttemptBody {
    fn from(attempt: &WebhookAttempt) -> AttemptBody {
        AttemptBody {
            at: precise(attempt.at),
            event_id: attempt.event.map(|event| event.0),
            status: attempt.status,
            ms: attempt.elapsed.as_millis() as u64,
            error: attempt.error.clone(),
            answer: attempt.answer.clone(),
        }
    }
}

fn zoned(at: Timestamp) -> String {
    format!("{at}Z")
}

pub fn response(view: &WebhookView) -> Response {
    json::response(200, &WebhookBody::from(view))
}

/// With its secret.
pub fn secret_response(view: &WebhookView) -> Response {
    let secret = view.webhook.secret.to_text();
    json::response(200, &SecretBody { webhook: WebhookBody::from(view), secret })
}

/// What is sent of an event: the event as in the feed, and whose history it is of.
#[derive(Debug, Serialize)]
struct DeliveryBody<'a> {
    source: String,
    #[serde(flatten)]
    event: EventBody<'a>,
}

pub fn delivery_body(source: Source, event: &Event, order: &Order) -> Result<Vec<u8>> {
    let body = DeliveryBody { source: source.to_string(), event: EventBody::of(event, order) };
    serde_json::to_vec(&body).map_err(Error::internal)
}

pub fn id(call: &Call<'_>) -> Result<WebhookId> {
    call.path_id("webhook_id").map(WebhookId)
}

pub fn list(call: &Call<'_>) -> Result<Response> {
    let webhooks = call.service().webhooks(call.cx, &call.caller)?;
    let webhooks = webhooks.iter().map(WebhookBody::from).collect();
    Ok(json::response(200, &WebhooksBody { webhooks }))
}

pub fn describe_list() -> OperationDoc {
    OperationDoc::new("list_webhooks", Tag::Webhooks, "List webhooks (admins)")
        .answers::<WebhooksBody>("All webhooks: 8 at most")
}

pub fn get(call: &Call<'_>) -> Result<Response> {
    let (view, attempts) = call.service().webhook(call.cx, &call.caller, id(call)?)?;
    let attempts = attempts.iter().map(AttemptBody::from).collect();
    Ok(json::response(200, &DetailBody { webhook: WebhookBody::from(&view), attempts }))
}

pub fn describe_get() -> OperationDoc {
    OperationDoc::new("get_webhook", Tag::Webhooks, "Look a webhook up (admins)")
        .answers::<DetailBody>("The webhook, with its last 100 attempts")
}

pub fn enable(call: &Call<'_>) -> Result<Response> {
    let view = call.service().enable_webhook(call.cx, &call.caller, id(call)?)?;
    Ok(response(&view))
}

pub fn describe_enable() -> OperationDoc {
    OperationDoc::new("enable_webhook", Tag::Webhooks, "Enable a webhook (admins)")
        .about("Goes on where it stopped. 409 while `EVENTS_KEEP_DAYS` is 0.")
        .answers::<WebhookBody>("The webhook")
        .fails_with(409)
}

pub fn disable(call: &Call<'_>) -> Result<Response> {
    let view = call.service().disable_webhook(call.cx, &call.caller, id(call)?)?;
    Ok(response(&view))
}

pub fn describe_disable() -> OperationDoc {
    OperationDoc::new("disable_webhook", Tag::Webhooks, "Disable a webhook (admins)")
        .about("It keeps its place. An attempt under way is not waited for.")
        .answers::<WebhookBody>("The webhook")
}

pub fn delete(call: &Call<'_>) -> Result<Response> {
    call.service().delete_webhook(call.cx, &call.caller, id(call)?)?;
    Ok(Response::new(204))
}

pub fn describe_delete() -> OperationDoc {
    OperationDoc::new("delete_webhook", Tag::Webhooks, "Delete a webhook (admins)")
        .responds(204, plain_response("It is gone"))
}

pub fn rotate(call: &Call<'_>) -> Result<Response> {
    let view = call.service().rotate_webhook(call.cx, &call.caller, id(call)?)?;
    Ok(secret_response(&view))
}

pub fn describe_rotate() -> OperationDoc {
    OperationDoc::new("rotate_webhook", Tag::Webhooks, "Give a webhook another secret (admins)")
        .about("The secret before it signs too for 24 hours; an older one ends at once.")
        .answers::<SecretBody>("The webhook, with its new secret")
}

body! {
    /// Where a webhook goes on.
    pub struct SeekRequest as "WebhookSeek" {
        after: Position,
    }
}

pub fn seek(call: &Call<'_>) -> Result<Response> {
    let id = id(call)?;
    let SeekRequest { after: Position(after) } = call.read_body()?;
    let view = call.service().seek_webhook(call.cx, &call.caller, id, after)?;
    Ok(response(&view))
}

pub fn describe_seek() -> OperationDoc {
    OperationDoc::new("seek_webhook", Tag::Webhooks, "Take a webhook to another place (admins)")
        .about("Goes on behind that event: back, or past some. 422 past the end of the feed.")
        .reads::<SeekRequest>(serde_json::json!({ "after": 0 }))
        .answers::<WebhookBody>("The webhook")
        .fails_with(422)
}

/// A test on its way, with the operation that it belongs to.
struct PendingAttempt {
    operation: WebhookTest,
    test: Result<PendingTest>,
}

/// The body of a test.
#[derive(Debug, Serialize)]
struct TestBody {
    source: String,
    id: Option<u64>,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Empty,
}

#[derive(Debug, Serialize)]
struct Empty {}

pub fn test(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let id = id(call)?;
    let operation = call.service().test_webhook(&call.caller, id);
    let test = match &operation.webhook {
        Ok((webhook, source)) => {
            let timestamp = precise(call.service().now());
            let (source, kind) = (source.to_string(), "webhook.test");
            let body = TestBody { source, id: None, kind, timestamp, data: Empty {} };
            let body = serde_json::to_vec(&body).map_err(Error::internal);
            body.and_then(|body| call.backend.tester.begin(webhook, body))
        }
        Err(_) => Err(Error::NotFound),
    };
    Ok(Box::new(PendingAttempt { operation, test }))
}

impl Pending for PendingAttempt {
    fn is_ready(&self) -> bool {
        self.test.as_ref().map_or(true, PendingTest::is_ready)
    }

    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response> {
        let PendingAttempt { operation, test } = *self;
        let attempt = service.webhook_tested(cx, operation, test.and_then(PendingTest::wait))?;
        Ok(json::response(200, &AttemptBody::from(&attempt)))
    }
}

pub fn describe_test() -> OperationDoc {
    OperationDoc::new("test_webhook", Tag::Webhooks, "Try a webhook out (admins)")
        .about(
            "Sends an event of the type `webhook.test` at once, also where the webhook is \
             disabled, and answers with what came of it, at the latest after 15 seconds. Nothing \
             is kept of it.",
        )
        .answers::<AttemptBody>("The attempt")
}
