//! Makes and changes webhooks, and keeps what became of their attempts.

use crate::clock::Timestamp;
use crate::domain::event::EventId;
use crate::domain::webhook::{
    Failing, LostEvents, MAX_WEBHOOKS, NewWebhook, OLD_SECRET_LIFE, Webhook, WebhookAttempt,
    WebhookId, WebhookSecret, WebhookState, WebhookUpdate, WebhookUrl,
};
use crate::error::Error;
use crate::store::write_txn::{Applied, Failure, Write, WriteTxn, readable};

/// How much of an error's text is kept, in characters.
const MAX_ERROR_CHARS: usize = 500;

/// Makes a webhook. It begins at the present end of the feed.
#[derive(Debug)]
pub struct CreateWebhook {
    pub new: NewWebhook,
    pub secret: WebhookSecret,
    pub at: Timestamp,
    /// What is wrong with it already.
    pub trouble: Option<String>,
}

impl Write for CreateWebhook {
    type Output = Webhook;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Webhook> {
        require_feed(txn)?;
        if txn.webhook_count()? >= MAX_WEBHOOKS as u64 {
            return Err(Error::conflict("There are 8 webhooks already").into());
        }
        let NewWebhook { url, types, description } = self.new.clone();
        let webhook = Webhook {
            id: txn.next_webhook_id()?,
            url,
            types,
            description,
            created_at: self.at,
            state: WebhookState::Enabled,
            secret: self.secret.clone(),
            old_secret: None,
            cursor: txn.last_event_id()?,
            failing: None,
            last_error: self.trouble.as_deref().map(shorten),
            lost: None,
            attempts: 0,
        };
        txn.insert_webhook(&webhook)?;
        txn.changed_webhooks = true;
        Ok(webhook)
    }
}

/// Changes a webhook, and gives it as it is then.
#[derive(Debug)]
pub struct ChangeWebhook {
    pub id: WebhookId,
    pub change: WebhookChange,
}

#[derive(Clone, Debug)]
pub enum WebhookChange {
    /// `trouble` is what is wrong with its new URL.
    Update {
        update: WebhookUpdate,
        trouble: Option<String>,
    },
    Enable,
    Disable,
    /// The secret before the present one ends.
    Rotate {
        secret: WebhookSecret,
        at: Timestamp,
    },
    /// Goes on behind this event.
    Seek {
        after: EventId,
    },
}

impl Write for ChangeWebhook {
    type Output = Webhook;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Webhook> {
        let mut webhook = require_webhook(txn, self.id)?;
        match self.change.clone() {
            WebhookChange::Update { update, trouble } => {
                apply_update(&mut webhook, update, trouble)
            }
            WebhookChange::Enable => {
                require_feed(txn)?;
                webhook.state = WebhookState::Enabled;
                webhook.forgive();
            }
            WebhookChange::Disable => webhook.state = WebhookState::Disabled,
            WebhookChange::Rotate { secret, at } => {
                let old = std::mem::replace(&mut webhook.secret, secret);
                webhook.old_secret = Some((old, at + OLD_SECRET_LIFE));
            }
            WebhookChange::Seek { after } => {
                webhook.cursor = after;
                webhook.forgive();
            }
        }
        txn.put_webhook(&webhook)?;
        txn.changed_webhooks = true;
        Ok(webhook)
    }
}

fn apply_update(webhook: &mut Webhook, update: WebhookUpdate, trouble: Option<String>) {
    webhook.lost = None;
    if let Some(url) = update.url
        && url != webhook.url
    {
        webhook.url = url;
        webhook.forgive();
        webhook.last_error = trouble.as_deref().map(shorten);
    }
    if let Some(types) = update.types {
        webhook.types = types;
    }
    if let Some(description) = update.description {
        webhook.description = description;
    }
}

#[derive(Debug)]
pub struct DeleteWebhook {
    pub id: WebhookId,
}

impl Write for DeleteWebhook {
    type Output = ();
    const GROWS: bool = false;

    /// One that can't be read can be removed, too.
    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        if !txn.has_webhook(self.id)? {
            return Err(Error::NotFound.into());
        }
        txn.changed_webhooks = true;
        txn.remove_webhook(self.id)
    }
}

/// Disables all, and says how many were enabled: a restored store would tell of the same events
/// again.
#[derive(Debug)]
pub struct DisableWebhooks;

impl Write for DisableWebhooks {
    type Output = usize;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<usize> {
        let mut count = 0;
        for id in txn.webhook_ids()? {
            if let Some(webhook) = readable(txn.webhook(id))?
                && webhook.is_enabled()
            {
                txn.put_webhook(&Webhook { state: WebhookState::Disabled, ..webhook })?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// What an attempt began with. Only if all of it still holds, its outcome changes where the
/// webhook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookPosition {
    pub id: WebhookId,
    pub cursor: EventId,
    pub url: WebhookUrl,
}

impl WebhookPosition {
    pub fn of(webhook: &Webhook) -> WebhookPosition {
        WebhookPosition { id: webhook.id, cursor: webhook.cursor, url: webhook.url.clone() }
    }

    fn is_that_of(&self, webhook: &Webhook) -> bool {
        webhook.is_enabled() && *self == WebhookPosition::of(webhook)
    }
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEffect {
    /// The event was delivered.
    Advance(EventId),
    Retry(Failing),
    /// It is not tried any more.
    Disable,
}

/// Keeps an attempt, and what follows it. False where the webhook has changed meanwhile, is gone, or
/// can't be read.
#[derive(Clone, Debug)]
pub struct RecordAttempt {
    pub began: WebhookPosition,
    pub attempt: WebhookAttempt,
    pub effect: AttemptEffect,
}

impl Write for RecordAttempt {
    type Output = bool;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<bool> {
        let Some(mut webhook) = readable(txn.webhook(self.began.id))? else { return Ok(false) };
        let is_same = self.began.is_that_of(&webhook);
        let error = self.attempt.error.as_deref().map(shorten);
        if is_same {
            match self.effect {
                AttemptEffect::Advance(to) => {
                    webhook.cursor = to;
                    webhook.failing = None;
                }
                AttemptEffect::Retry(failing) => webhook.failing = Some(failing),
                AttemptEffect::Disable => webhook.state = WebhookState::Disabled,
            }
            webhook.last_error.clone_from(&error);
        }
        let attempt = WebhookAttempt { error, ..self.attempt.clone() };
        txn.add_attempt(&mut webhook, &attempt)?;
        txn.put_webhook(&webhook)?;
        Ok(is_same)
    }
}

/// Moves past events that the webhook doesn't want, or that are lost to it.
#[derive(Clone, Debug)]
pub struct PassEvents {
    pub began: WebhookPosition,
    pub up_to: EventId,
    pub lost: Option<LostEvents>,
}

impl Write for PassEvents {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let Some(mut webhook) = readable(txn.webhook(self.began.id))? else { return Ok(()) };
        if !self.began.is_that_of(&webhook) {
            return Ok(());
        }
        webhook.cursor = self.up_to;
        if let Some(lost) = self.lost {
            let first = webhook.lost.map_or(lost.first, |before| before.first);
            webhook.lost = Some(LostEvents { first, last: lost.last });
        }
        txn.put_webhook(&webhook)
    }
}

fn require_webhook(txn: &mut WriteTxn<'_>, id: WebhookId) -> Applied<Webhook> {
    txn.webhook(id)?.ok_or(Failure::Refused(Error::NotFound))
}

fn require_feed(txn: &mut WriteTxn<'_>) -> Applied<()> {
    match txn.has_feed()? {
        true => Ok(()),
        false => Err(Error::conflict("There are no events while EVENTS_KEEP_DAYS is 0").into()),
    }
}

fn shorten(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARS).collect()
}
