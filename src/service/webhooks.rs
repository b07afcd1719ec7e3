//! Webhooks, for admins.

use std::net::IpAddr;

use crate::domain::event::{EventId, Source};
use crate::domain::webhook::{
    NewWebhook, Webhook, WebhookAttempt, WebhookId, WebhookSecret, WebhookUpdate, WebhookUrl,
};
use crate::error::{Error, Problem, Result, Violation};
use crate::store::{ChangeWebhook, CreateWebhook, DeleteWebhook, Snapshot, WebhookChange};

use super::caller::Caller;
use super::context::Context;
use super::operation::{Operation, OperationSpan};
use super::state::Service;
use super::warning::Warning;

/// What a webhook shows while there is no feed.
const NO_EVENTS: &str = "it stands still: there are no events while EVENTS_KEEP_DAYS is 0";

/// A webhook, and how far it is behind.
#[derive(Debug)]
pub struct WebhookView {
    pub webhook: Webhook,
    /// Events past its cursor, whether it wants them or not.
    pub backlog: u64,
    pub trouble: Option<String>,
}

/// The addresses of a URL's host, or why there are none.
pub type Resolved = std::result::Result<Vec<IpAddr>, String>;

/// A test of a webhook that has begun.
pub struct WebhookTest {
    span: OperationSpan,
    /// With the source of its events.
    pub webhook: Result<(Webhook, Source)>,
}

impl Service {
    /// What whoever delivers warns through.
    pub fn webhook_warning(&self) -> &Warning {
        &self.webhook_warning
    }

    /// All that can be read.
    pub fn webhooks(&self, cx: &Context, caller: &Caller) -> Result<Vec<WebhookView>> {
        self.operations.list_webhooks.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            let snapshot = self.store.read()?;
            let list = snapshot.webhooks()?.webhooks;
            list.into_iter().map(|webhook| view(&snapshot, webhook)).collect()
        })
    }

    /// One webhook, with its last attempts, the newest first.
    pub fn webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<(WebhookView, Vec<WebhookAttempt>)> {
        self.operations.get_webhook.run(cx, |notes| {
            caller.note(notes);
            notes.add("webhook", id);
            caller.require_admin()?;
            let snapshot = self.store.read()?;
            let webhook = snapshot.webhook(id)?.ok_or(Error::NotFound)?;
            Ok((view(&snapshot, webhook)?, snapshot.webhook_attempts(id)?))
        })
    }

    /// Makes a webhook for a URL whose host was looked up. One that has no addresses is taken.
    ///
    /// # Errors
    /// None of its addresses may be reached; there are too many; there is no feed.
    pub fn create_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        new: NewWebhook,
        resolved: &Resolved,
    ) -> Result<WebhookView> {
        self.operations.create_webhook.run(cx, |notes| {
            caller.note(notes);
            require_login_of_admin(caller)?;
            let trouble = self.check_reach(&new.url, resolved)?;
            let (secret, at) = (new_secret()?, self.clock.now());
            let webhook = self.store.write(CreateWebhook { new, secret, at, trouble })?;
            notes.add("webhook", webhook.id);
            view(&self.store.read()?, webhook)
        })
    }

    /// `resolved` is of the new URL, where there is one.
    pub fn update_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
        update: WebhookUpdate,
        resolved: &Resolved,
    ) -> Result<WebhookView> {
        let operation = &self.operations.update_webhook;
        self.change_webhook(cx, caller, id, operation, || {
            let url = update.url.as_ref();
            let trouble = url.map(|url| self.check_reach(url, resolved)).transpose()?.flatten();
            Ok(WebhookChange::Update { update, trouble })
        })
    }

    pub fn enable_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<WebhookView> {
        let operation = &self.operations.enable_webhook;
        self.change_webhook(cx, caller, id, operation, || Ok(WebhookChange::Enable))
    }

    pub fn disable_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<WebhookView> {
        let operation = &self.operations.disable_webhook;
        self.change_webhook(cx, caller, id, operation, || Ok(WebhookChange::Disable))
    }

    /// Gives it another secret; the present one signs too for a day.
    pub fn rotate_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
    ) -> Result<WebhookView> {
        let operation = &self.operations.rotate_webhook;
        self.change_webhook(cx, caller, id, operation, || {
            Ok(WebhookChange::Rotate { secret: new_secret()?, at: self.clock.now() })
        })
    }

    /// Goes back, or skips.
    pub fn seek_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
        after: EventId,
    ) -> Result<WebhookView> {
        let operation = &self.operations.seek_webhook;
        self.change_webhook(cx, caller, id, operation, || {
            let last = self.store.read()?.last_event_id()?.max(self.store.last_event_id());
            if after > last {
                let max = i64::try_from(last.0).unwrap_or(i64::MAX);
                return Err(invalid("after", Problem::Above { max }, after.0.into()));
            }
            Ok(WebhookChange::Seek { after })
        })
    }

    pub fn delete_webhook(&self, cx: &Context, caller: &Caller, id: WebhookId) -> Result<()> {
        self.operations.delete_webhook.run(cx, |notes| {
            caller.note(notes);
            notes.add("webhook", id);
            require_login_of_admin(caller)?;
            self.store.write(DeleteWebhook { id })
        })
    }

    /// Begins a test, which changes nothing. [`Service::webhook_tested`] ends it.
    pub fn test_webhook(&self, caller: &Caller, id: WebhookId) -> WebhookTest {
        let mut span = OperationSpan::begin();
        caller.note(&mut span.notes);
        span.notes.add("webhook", id);
        let webhook = require_login_of_admin(caller).and_then(|()| {
            let snapshot = self.store.read()?;
            let webhook = snapshot.webhook(id)?.ok_or(Error::NotFound)?;
            Ok((webhook, snapshot.source()?))
        });
        WebhookTest { span, webhook }
    }

    pub fn webhook_tested<T>(
        &self,
        cx: &Context,
        test: WebhookTest,
        tested: Result<T>,
    ) -> Result<T> {
        let WebhookTest { span, webhook } = test;
        let result = webhook.and(tested);
        self.operations.test_webhook.end(cx, span, result)
    }

    /// The id of each webhook, how many events are past its cursor, and the age of the first of
    /// them, in seconds.
    pub(super) fn webhook_backlogs(&self) -> Result<Vec<(u64, u64, u64)>> {
        let (snapshot, now) = (self.store.read()?, self.clock.now());
        let backlog = |webhook: Webhook| {
            let cursor = webhook.cursor;
            let next = snapshot.events_past(cursor)?.next().transpose()?;
            let age = next.map_or(0, |event| now.since(event.at).as_secs());
            Ok((webhook.id.0, view(&snapshot, webhook)?.backlog, age))
        };
        snapshot.webhooks()?.webhooks.into_iter().map(backlog).collect()
    }

    fn change_webhook(
        &self,
        cx: &Context,
        caller: &Caller,
        id: WebhookId,
        operation: &Operation,
        change: impl FnOnce() -> Result<WebhookChange>,
    ) -> Result<WebhookView> {
        operation.run(cx, |notes| {
            caller.note(notes);
            notes.add("webhook", id);
            require_login_of_admin(caller)?;
            let webhook = self.store.write(ChangeWebhook { id, change: change()? })?;
            view(&self.store.read()?, webhook)
        })
    }

    /// What is wrong with the URL, though it is taken: a name may get its addresses later.
    fn check_reach(&self, url: &WebhookUrl, resolved: &Resolved) -> Result<Option<String>> {
        let addresses = match resolved {
            Ok(addresses) => addresses,
            Err(why) => return Ok(Some(why.clone())),
        };
        match self.webhook_networks.reachable(url, addresses) {
            Err(reason) if !addresses.is_empty() => {
                let problem = Problem::Value { reason };
                Err(invalid("url", problem, url.as_str().into()))
            }
            Err(reason) => Ok(Some(reason)),
            Ok(_) => Ok(None),
        }
    }
}

/// A webhook is a way out of the host: a machine's key neither opens nor tries one.
fn require_login_of_admin(caller: &Caller) -> Result<()> {
    caller.refuse_key()?;
    caller.require_admin()
}

fn view(snapshot: &Snapshot, webhook: Webhook) -> Result<WebhookView> {
    let extent = snapshot.feed_extent()?;
    let last = extent.map_or(webhook.cursor, |extent| extent.last);
    let backlog = last.0.saturating_sub(webhook.cursor.0);
    let still = (extent.is_none() && webhook.is_enabled()).then(|| NO_EVENTS.to_owned());
    let trouble = still.or_else(|| webhook.trouble());
    Ok(WebhookView { webhook, backlog, trouble })
}

fn new_secret() -> Result<WebhookSecret> {
    let mut bytes = [0; WebhookSecret::BYTES];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(WebhookSecret::new(bytes))
}

fn invalid(field: &str, problem: Problem, input: serde_json::Value) -> Error {
    let location = vec!["body".into(), field.into()];
    Error::Invalid(vec![Violation::new(location, problem, input)])
}
