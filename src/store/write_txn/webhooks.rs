//! The rows of webhooks, and of their last attempts.

use redb::{ReadableTable, ReadableTableMetadata};

use super::{Applied, WriteTxn};
use crate::domain::webhook::{MAX_ATTEMPTS, Webhook, WebhookAttempt, WebhookId};
use crate::store::records::{AttemptRecord, WebhookRecord, decode, encode};
use crate::store::schema::meta;

impl WriteTxn<'_> {
    pub fn webhook(&mut self, id: WebhookId) -> Applied<Option<Webhook>> {
        match self.tables.webhooks()?.get(id.0)? {
            Some(row) => Ok(Some(decode::<WebhookRecord>(row.value())?.into_webhook(id)?)),
            None => Ok(None),
        }
    }

    /// Whether there is one, which may be one that can't be read.
    pub fn has_webhook(&mut self, id: WebhookId) -> Applied<bool> {
        Ok(self.tables.webhooks()?.get(id.0)?.is_some())
    }

    pub fn webhook_count(&mut self) -> Applied<u64> {
        Ok(self.tables.webhooks()?.len()?)
    }

    pub fn webhook_ids(&mut self) -> Applied<Vec<WebhookId>> {
        self.tables.webhooks()?.iter()?.map(|row| Ok(WebhookId(row?.0.value()))).collect()
    }

    /// Rows of webhooks are removed: only here it is known which ids were given.
    pub fn next_webhook_id(&mut self) -> Applied<WebhookId> {
        let table = self.tables.meta()?;
        let last = table.get(meta::LAST_WEBHOOK_ID)?.map_or(0, |row| row.value());
        Ok(WebhookId(last + 1))
    }

    pub fn insert_webhook(&mut self, webhook: &Webhook) -> Applied<()> {
        self.put_webhook(webhook)?;
        self.tables.meta()?.insert(meta::LAST_WEBHOOK_ID, webhook.id.0)?;
        Ok(())
    }

    pub fn put_webhook(&mut self, webhook: &Webhook) -> Applied<()> {
        let record = encode(&WebhookRecord::of(webhook))?;
        self.dirty = true;
        self.tables.webhooks()?.insert(webhook.id.0, record.as_slice())?;
        Ok(())
    }

    pub fn remove_webhook(&mut self, id: WebhookId) -> Applied<()> {
        self.dirty = true;
        self.tables.webhooks()?.remove(id.0)?;
        let range = (id.0, 0)..=(id.0, u64::MAX);
        let mut old = self.tables.webhook_attempts()?.extract_from_if(range, |_, _| true)?;
        old.try_for_each(|row| row.map(drop))?;
        Ok(())
    }

    /// Adds an attempt to the webhook, whose row is still to be put, and drops the oldest.
    pub fn add_attempt(&mut self, webhook: &mut Webhook, attempt: &WebhookAttempt) -> Applied<()> {
        webhook.attempts += 1;
        let (id, number) = (webhook.id.0, webhook.attempts);
        let record = encode(&AttemptRecord::of(attempt))?;
        self.dirty = true;
        let table = self.tables.webhook_attempts()?;
        table.insert((id, number), record.as_slice())?;
        table.remove((id, number.saturating_sub(MAX_ATTEMPTS as u64)))?;
        Ok(())
    }
}
