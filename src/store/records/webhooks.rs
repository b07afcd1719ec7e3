//! The rows of webhooks, and of their last attempts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::event::{EventId, EventType};
use crate::domain::webhook::{
    Failing, LostEvents, Webhook, WebhookAttempt, WebhookId, WebhookSecret, WebhookState,
    WebhookUrl,
};
use crate::error::{Error, Result};

#[derive(Debug, Serialize, Deserialize)]
pub enum WebhookRecord {
    V1 {
        url: String,
        types: Option<Vec<u8>>,
        description: Option<String>,
        created_secs: u64,
        enabled: bool,
        secret: [u8; WebhookSecret::BYTES],
        /// It signs too until then, in seconds.
        old_secret: Option<([u8; WebhookSecret::BYTES], u64)>,
        cursor: u64,
        failing: Option<FailingRecord>,
        last_error: Option<String>,
        lost: Option<(u64, u64)>,
        attempts: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct FailingRecord {
    since_micros: u64,
    attempts: u32,
    next_attempt_micros: u64,
    was_reached: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum AttemptRecord {
    V1 {
        at_micros: u64,
        event: Option<u64>,
        status: Option<u16>,
        elapsed_ms: u32,
        error: Option<String>,
        answer: Option<String>,
    },
}

impl WebhookRecord {
    pub fn of(webhook: &Webhook) -> WebhookRecord {
        let code = |kind: &EventType| kind.code();
        WebhookRecord::V1 {
            url: webhook.url.as_str().to_owned(),
            types: webhook.types.as_ref().map(|types| types.iter().map(code).collect()),
            description: webhook.description.clone(),
            created_secs: webhook.created_at.as_secs(),
            enabled: webhook.is_enabled(),
            secret: *webhook.secret.expose(),
            old_secret: webhook
                .old_secret
                .as_ref()
                .map(|(secret, until)| (*secret.expose(), until.as_secs())),
            cursor: webhook.cursor.0,
            failing: webhook.failing.map(FailingRecord::from),
            last_error: webhook.last_error.clone(),
            lost: webhook.lost.map(|lost| (lost.first.0, lost.last.0)),
            attempts: webhook.attempts,
        }
    }

    /// # Errors
    /// The row holds what no webhook can have.
    pub fn into_webhook(self, id: WebhookId) -> Result<Webhook> {
        let WebhookRecord::V1 {
            url,
            types,
            description,
            created_secs,
            enabled,
            secret,
            old_secret,
            cursor,
            failing,
            last_error,
            lost,
            attempts,
        } = self;
        let spoilt = || Error::Internal(format!("webhook {id} can't be read"));
        let kind = |code: u8| EventType::of_code(code).ok_or_else(spoilt);
        let types = types.map(|codes| codes.into_iter().map(kind).collect::<Result<_>>());
        let state = if enabled { WebhookState::Enabled } else { WebhookState::Disabled };
        Ok(Webhook {
            id,
            url: WebhookUrl::parse(&url).map_err(|_| spoilt())?,
            types: types.transpose()?,
            description,
            created_at: Timestamp::from_secs(created_secs),
            state,
            secret: WebhookSecret::new(secret),
            old_secret: old_secret
                .map(|(secret, until)| (WebhookSecret::new(secret), Timestamp::from_secs(until))),
            cursor: EventId(cursor),
            failing: failing.map(FailingRecord::into_failing),
            last_error,
            lost: lost
                .map(|(first, last)| LostEvents { first: EventId(first), last: EventId(last) }),
            attempts,
        })
    }
}

impl From<Failing> for FailingRecord {
    fn from(failing: Failing) -> FailingRecord {
        FailingRecord {
            since_micros: failing.since.as_micros(),
            attempts: failing.attempts,
            next_attempt_micros: failing.next_attempt.as_micros(),
            was_reached: failing.was_reached,
        }
    }
}

impl FailingRecord {
    fn into_failing(self) -> Failing {
        Failing {
            since: Timestamp::from_micros(self.since_micros),
            attempts: self.attempts,
            next_attempt: Timestamp::from_micros(self.next_attempt_micros),
            was_reached: self.was_reached,
        }
    }
}

impl AttemptRecord {
    pub fn of(attempt: &WebhookAttempt) -> AttemptRecord {
        AttemptRecord::V1 {
            at_micros: attempt.at.as_micros(),
            event: attempt.event.map(|event| event.0),
            status: attempt.status,
            elapsed_ms: u32::try_from(attempt.elapsed.as_millis()).unwrap_or(u32::MAX),
            error: attempt.error.clone(),
            answer: attempt.answer.clone(),
        }
    }

    pub fn into_attempt(self) -> WebhookAttempt {
        let AttemptRecord::V1 { at_micros, event, status, elapsed_ms, error, answer } = self;
        WebhookAttempt {
            at: Timestamp::from_micros(at_micros),
            event: event.map(EventId),
            status,
            elapsed: Duration::from_millis(elapsed_ms.into()),
            error,
            answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::{decode, encode};

    #[test]
    fn a_webhook_and_an_attempt_survive_their_records() {
        let at = Timestamp::from_secs;
        let webhook = Webhook {
            id: WebhookId(3),
            url: WebhookUrl::parse("https://shop.example/hook?a=b").unwrap(),
            types: Some(vec![EventType::Ready, EventType::Created]),
            description: Some("The kitchen".into()),
            created_at: at(5),
            state: WebhookState::Disabled,
            secret: WebhookSecret::new([7; 32]),
            old_secret: Some((WebhookSecret::new([8; 32]), at(9))),
            cursor: EventId(12),
            failing: Some(Failing {
                since: at(6),
                attempts: 4,
                next_attempt: at(8),
                was_reached: true,
            }),
            last_error: Some("it answered 500".into()),
            lost: Some(LostEvents { first: EventId(1), last: EventId(9) }),
            attempts: 44,
        };
        let bytes = encode(&WebhookRecord::of(&webhook)).unwrap();
        let read = decode::<WebhookRecord>(&bytes).unwrap().into_webhook(WebhookId(3)).unwrap();
        assert_eq!(read, webhook);
        let attempt = WebhookAttempt {
            at: at(6),
            event: Some(EventId(13)),
            status: Some(500),
            elapsed: Duration::from_millis(12),
            error: Some("it answered 500".into()),
            answer: Some("oh".into()),
        };
        let bytes = encode(&AttemptRecord::of(&attempt)).unwrap();
        assert_eq!(decode::<AttemptRecord>(&bytes).unwrap().into_attempt(), attempt);
    }
}
