//! Reads webhooks.

use super::Snapshot;
use crate::domain::webhook::{MAX_ATTEMPTS, MAX_WEBHOOKS, Webhook, WebhookAttempt, WebhookId};
use crate::error::Result;
use crate::store::records::{AttemptRecord, WebhookRecord, decode};
use crate::store::schema;

use redb::ReadableTable;

impl Snapshot {
    pub fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        match self.open(schema::WEBHOOKS)?.get(id.0)? {
            Some(row) => decode::<WebhookRecord>(row.value())?.into_webhook(id).map(Some),
            None => Ok(None),
        }
    }

    /// All of them, by their ids.
    pub fn webhooks(&self) -> Result<Vec<Webhook>> {
        let table = self.open(schema::WEBHOOKS)?;
        let rows = table.iter()?.take(MAX_WEBHOOKS).map(|row| {
            let (id, record) = row?;
            decode::<WebhookRecord>(record.value())?.into_webhook(WebhookId(id.value()))
        });
        rows.collect()
    }

    /// Its last attempts, the newest first.
    pub fn webhook_attempts(&self, id: WebhookId) -> Result<Vec<WebhookAttempt>> {
        let table = self.open(schema::WEBHOOK_ATTEMPTS)?;
        let rows = table.range((id.0, 0)..=(id.0, u64::MAX))?.rev().take(MAX_ATTEMPTS);
        let read = |row: std::result::Result<(_, redb::AccessGuard<'_, &[u8]>), _>| {
            let (_, record): (redb::AccessGuard<'_, (u64, u64)>, _) = row?;
            Ok(decode::<AttemptRecord>(record.value())?.into_attempt())
        };
        rows.map(read).collect()
    }
}
