//! The webhooks, and their attempts.

use redb::{ReadableTable, ReadableTableMetadata};

use super::{Check, has, value};
use crate::domain::webhook::{MAX_ATTEMPTS, MAX_WEBHOOKS, WebhookId};
use crate::error::Result;
use crate::store::records::{AttemptRecord, WebhookRecord};
use crate::store::schema::{ReadTables, meta};

impl Check {
    /// Every webhook can be read, has an id that was given, and all of its last attempts; every
    /// attempt is of a webhook that is there.
    pub(super) fn webhooks(&mut self, tables: &ReadTables) -> Result<()> {
        let given = value(&tables.meta, meta::LAST_WEBHOOK_ID)?.unwrap_or(0);
        for row in tables.webhooks.iter()? {
            let (id, record) = row?;
            let id = id.value();
            self.require(id <= given, || format!("webhook {id} has an id that was never given"));
            let Some(record) = self.decoded::<WebhookRecord>("webhook", id, record.value()) else {
                continue;
            };
            let Ok(webhook) = record.into_webhook(WebhookId(id)) else {
                self.fault(format!("webhook {id} can't be read"));
                continue;
            };
            let first = webhook.attempts.saturating_sub(MAX_ATTEMPTS as u64);
            let kept = tables.webhook_attempts.range((id, 0)..=(id, u64::MAX))?;
            let numbers = kept.map(|row| Ok(row?.0.value().1)).collect::<Result<Vec<_>>>()?;
            let fits = numbers.into_iter().eq(first + 1..=webhook.attempts);
            self.require(fits, || format!("webhook {id} has other attempts than its last"));
        }
        let count = tables.webhooks.len()?;
        self.require(count <= MAX_WEBHOOKS as u64, || format!("there are {count} webhooks"));
        for row in tables.webhook_attempts.iter()? {
            let (key, record) = row?;
            let (webhook, number) = key.value();
            self.decoded::<AttemptRecord>("attempt", number, record.value());
            let is_there = has(&tables.webhooks, webhook)?;
            self.require(is_there, || format!("attempt {number} is of no webhook: {webhook}"));
        }
        Ok(())
    }
}
