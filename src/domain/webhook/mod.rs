//! Who is told of events, and how it went.

mod address_class;
pub mod reach;
pub mod secret;
pub mod url;

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::event::{EventId, EventType};

pub use address_class::Class;
pub use reach::{Networks, OutOfReach};
pub use secret::WebhookSecret;
pub use url::{Host, Scheme, UrlFault, WebhookUrl};

/// Most webhooks.
pub const MAX_WEBHOOKS: usize = 8;
/// Most attempts of one webhook that are kept, and told.
pub const MAX_ATTEMPTS: usize = 100;
/// What is kept of an answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 512;
/// How long the secret before the present one signs too.
pub const OLD_SECRET_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Rises, and is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId(pub u64);

/// What somebody wants to be told of, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhook {
    pub url: WebhookUrl,
    /// `None` for all.
    pub types: Option<Vec<EventType>>,
    pub description: Option<String>,
}

/// What is to be changed; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookUpdate {
    pub url: Option<WebhookUrl>,
    pub types: Option<Option<Vec<EventType>>>,
    pub description: Option<Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: WebhookUrl,
    /// `None` for all.
    pub types: Option<Vec<EventType>>,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub state: WebhookState,
    pub secret: WebhookSecret,
    /// It signs too until then.
    pub old_secret: Option<(WebhookSecret, Timestamp)>,
    /// The last event that was delivered, or that it doesn't want.
    pub cursor: EventId,
    pub failing: Option<Failing>,
    /// What last went wrong, until it goes well.
    pub last_error: Option<String>,
    /// Events that were no longer kept when it came to them, or that can't be read.
    pub lost: Option<LostEvents>,
    /// Attempts so far.
    pub attempts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookState {
    Enabled,
    Disabled,
}

/// No attempt has gone well since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    pub since: Timestamp,
    /// Attempts since then.
    pub attempts: u32,
    pub next_attempt: Timestamp,
    /// A receiver has answered since then, or kept a connection without an answer.
    pub was_reached: bool,
}

/// The first and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostEvents {
    pub first: EventId,
    pub last: EventId,
}

/// One delivery, as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAttempt {
    pub at: Timestamp,
    /// `None` for a test.
    pub event: Option<EventId>,
    /// The answer's, where one came.
    pub status: Option<u16>,
    pub elapsed: Duration,
    pub error: Option<String>,
    /// The first [`MAX_ANSWER_BYTES`] of its body.
    pub answer: Option<String>,
}

impl Webhook {
    pub fn is_enabled(&self) -> bool {
        self.state == WebhookState::Enabled
    }

    /// The secrets that sign at that time, the present one first.
    pub fn secrets(&self, at: Timestamp) -> impl Iterator<Item = &WebhookSecret> {
        let old = self.old_secret.as_ref().filter(|(_, until)| at < *until);
        [Some(&self.secret), old.map(|(secret, _)| secret)].into_iter().flatten()
    }

    /// What is told of what went wrong.
    pub fn trouble(&self) -> Option<String> {
        let lost = self.lost.map(|lost| lost.to_string());
        let parts: Vec<String> = [lost, self.last_error.clone()].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// It begins anew: what went wrong so far counts no more.
    pub fn forgive(&mut self) {
        self.failing = None;
        self.last_error = None;
        self.lost = None;
    }
}

impl WebhookState {
    pub fn as_str(self) -> &'static str {
        match self {
            WebhookState::Enabled => "enabled",
            WebhookState::Disabled => "disabled",
        }
    }
}

impl WebhookAttempt {
    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LostEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostEvents { first, last } = self;
        write!(
            f,
            "events {first} to {last} were no longer kept or can't be read, and are lost to it"
        )
    }
}
