//! Making and changing webhooks. The URL's host is looked up first, which may take a while and
//! holds no thread.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use super::body::body;
use super::call::{Call, Pending};
use super::inputs::Given;
use super::inputs::text::OptionalLine;
use super::openapi::{OperationDoc, Tag, schemas};
use super::reader::{FromJson, Reader};
use super::webhooks::{SecretBody, WebhookBody, id, response, secret_response};
use crate::domain::event::EventType;
use crate::domain::webhook::{NewWebhook, UrlFault, WebhookId, WebhookUpdate, WebhookUrl};
use crate::error::{Problem, Result};
use crate::http::Response;
use crate::service::{Caller, Context, Resolved, Service};
use crate::sys::stop::Stop;
use crate::webhooks::delivery::unresolved;
use crate::webhooks::resolver::Lookup;

/// A name that takes longer counts as one without addresses.
const LOOKUP: Duration = Duration::from_secs(5);
const MAX_DESCRIPTION: usize = 100;

impl FromJson for WebhookUrl {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<WebhookUrl> {
        reader.parsed(value, |text| {
            WebhookUrl::parse(text).map_err(|fault| match fault {
                UrlFault::TooLong => Problem::TooLong { max: WebhookUrl::MAX_CHARS },
                UrlFault::Other(why) => {
                    Problem::Value { reason: format!("Not a URL to use: {why}") }
                }
            })
        })
    }

    fn describe() -> RefOr<Schema> {
        schemas::webhook_url()
    }
}

/// At least one.
#[derive(Clone, Debug)]
pub struct Types(Vec<EventType>);

struct Kind(EventType);

impl FromJson for Kind {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Kind> {
        let expected = "types of events, as 'order.created'";
        let parse = |text: &str| EventType::parse(text).ok_or(Problem::NotOneOf { expected });
        reader.parsed(value, parse).map(Kind)
    }

    fn describe() -> RefOr<Schema> {
        schemas::event_type()
    }
}

impl FromJson for Types {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Types> {
        let Some(items) = value.as_array() else { return reader.fault(Problem::NotAnArray, value) };
        let max = EventType::ALL.len();
        match items.len() {
            0 => return reader.fault(Problem::TooFewItems { min: 1, found: 0 }, value),
            found if found > max => {
                return reader.fault(Problem::TooManyItems { max, found }, value);
            }
            _ => {}
        }
        let mut types = Vec::with_capacity(items.len());
        for Kind(kind) in reader.items::<Kind>(items)? {
            if !types.contains(&kind) {
                types.push(kind);
            }
        }
        Some(Types(types))
    }

    fn describe() -> RefOr<Schema> {
        schemas::list_of_event_types().into()
    }
}

body! {
    /// A webhook that is to be made.
    pub struct CreateRequest as "NewWebhook" {
        url: WebhookUrl,
        types: Option<Types>,
        description: OptionalLine<MAX_DESCRIPTION>,
    }
}

body! {
    /// What is to be changed; what is absent stays.
    pub struct UpdateRequest as "WebhookUpdate" {
        url: Given<WebhookUrl>,
        types: Given<Option<Types>>,
        description: Given<OptionalLine<MAX_DESCRIPTION>>,
    }
}

/// A webhook that is made or changed once its URL's host was looked up.
struct PendingSetup {
    lookup: Option<(Lookup, WebhookUrl)>,
    deadline: Instant,
    caller: Caller,
    change: Change,
}

enum Change {
    Create(NewWebhook),
    Update(WebhookId, WebhookUpdate),
}

pub fn create(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let CreateRequest { url, types, description: OptionalLine(description) } = call.read_body()?;
    let new = NewWebhook { url: url.clone(), types: types.map(|types| types.0), description };
    Ok(begin(call, Some(url), Change::Create(new)))
}

pub fn update(call: &Call<'_>) -> Result<Box<dyn Pending>> {
    let id = id(call)?;
    let UpdateRequest { url: Given(url), types: Given(types), description } = call.read_body()?;
    let types = types.map(|types| types.map(|types| types.0));
    let description = description.0.map(|OptionalLine(description)| description);
    let update = WebhookUpdate { url: url.clone(), types, description };
    Ok(begin(call, url, Change::Update(id, update)))
}

fn begin(call: &Call<'_>, url: Option<WebhookUrl>, change: Change) -> Box<dyn Pending> {
    let tester = &call.backend.tester;
    let lookup = url.map(|url| (tester.look_up(&url), url));
    let (deadline, caller) = (Instant::now() + LOOKUP, call.caller);
    Box::new(PendingSetup { lookup, deadline, caller, change })
}

impl PendingSetup {
    /// Waits, where it isn't ready and its time is not over.
    fn resolved(&self) -> Resolved {
        match &self.lookup {
            None => Ok(Vec::new()),
            Some((lookup, url)) => {
                let found = lookup.wait(self.deadline, &Stop::new());
                found.map_err(|why| unresolved(url, &why))
            }
        }
    }
}

impl Pending for PendingSetup {
    fn is_ready(&self) -> bool {
        self.lookup.as_ref().is_none_or(|(lookup, _)| lookup.is_ready())
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }

    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response> {
        let resolved = self.resolved();
        let PendingSetup { caller, change, .. } = *self;
        match change {
            Change::Create(new) => {
                let view = service.create_webhook(cx, &caller, new, &resolved)?;
                Ok(secret_response(&view))
            }
            Change::Update(id, update) => {
                let view = service.update_webhook(cx, &caller, id, update, &resolved)?;
                Ok(response(&view))
            }
        }
    }
}

pub fn describe_create() -> OperationDoc {
    OperationDoc::new("create_webhook", Tag::Webhooks, "Make a webhook (admins)")
        .about(
            "Every event from now on is posted to `url`, in order, signed as Standard Webhooks has \
             it. Shows the `secret`, which only `rotate` does again. 422 where `WEBHOOK_NETWORKS` \
             doesn't allow any address of the URL; a name without addresses is taken, and \
             `last_error` says so. 409 where there are 8, or `EVENTS_KEEP_DAYS` is 0.",
        )
        .reads::<CreateRequest>(json!({ "url": "https://shop.example/orders" }))
        .answers::<SecretBody>("The webhook, with its secret")
        .fails_with(409)
        .fails_with(422)
}

pub fn describe_update() -> OperationDoc {
    OperationDoc::new("update_webhook", Tag::Webhooks, "Change a webhook (admins)")
        .about("With another URL, the event that failed is tried again at once.")
        .reads::<UpdateRequest>(json!({ "types": ["order.created", "order.ready"] }))
        .answers::<WebhookBody>("The webhook")
        .fails_with(422)
}
