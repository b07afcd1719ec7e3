//! Reads webhooks.

use super::Snapshot;
use crate::domain::webhook::{MAX_ATTEMPTS, MAX_WEBHOOKS, Webhook, WebhookAttempt, WebhookId};
use crate::error::Result;
use crate::store::records::{AttemptRecord, WebhookRecord, decode};
use crate::store::schema;

use redb::ReadableTable;

/// All webhooks, by their ids.
#[derive(Debug, Default)]
pub struct WebhookList {
    pub webhooks: Vec<Webhook>,
    /// Those whose rows can't be read.
    pub unreadable: Vec<WebhookId>,
}

impl Snapshot {
    pub fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        match self.open(schema::WEBHOOKS)?.get(id.0)? {
            Some(row) => decode::<WebhookRecord>(row.value())?.into_webhook(id).map(Some),
            None => Ok(None),
        }
    }

    pub fn webhooks(&self) -> Result<WebhookList> {
        let mut list = WebhookList::default();
        for row in self.open(schema::WEBHOOKS)?.iter()?.take(MAX_WEBHOOKS) {
            let (id, record) = row?;
            let id = WebhookId(id.value());
            match decode::<WebhookRecord>(record.value()).and_then(|it| it.into_webhook(id)) {
                Ok(webhook) => list.webhooks.push(webhook),
                Err(_) => list.unreadable.push(id),
            }
        }
        Ok(list)
    }

    /// Its last attempts, the newest first. One that can't be read is left out.
    pub fn webhook_attempts(&self, id: WebhookId) -> Result<Vec<WebhookAttempt>> {
        let table = self.open(schema::WEBHOOK_ATTEMPTS)?;
        let mut attempts = Vec::new();
        for row in table.range((id.0, 0)..=(id.0, u64::MAX))?.rev().take(MAX_ATTEMPTS) {
            let (_, record) = row?;
            let read = decode::<AttemptRecord>(record.value()).map(AttemptRecord::into_attempt);
            attempts.extend(read.ok());
        }
        Ok(attempts)
    }
}
