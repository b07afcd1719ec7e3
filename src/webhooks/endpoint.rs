//! One webhook: its events in order, one at a time.
//!
//! Nothing is kept in memory but the connection and a result that is not on disk yet: where it
//! stands is in the store. An event is sent with no transaction open and marked in a write of its
//! own. A crash in between sends it again, with the same id.

use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::Order;
use crate::domain::event::{Event, EventId, Source};
use crate::domain::webhook::{LostEvents, Webhook, WebhookAttempt, WebhookId};
use crate::error::{Error, Result};
use crate::metrics;
use crate::service::Warning;
use crate::store::{
    AttemptEffect, EventFilter, FeedExtent, PassEvents, RecordAttempt, Store, WebhookPosition,
};
use crate::sys::stop::Stop;

use super::delivery::{Attempted, Client, Delivery, Outcome, Outgoing};
use super::schedule::{self, Next};
use super::signature::sign;

/// Makes the body that is sent of an event.
pub type Render = fn(Source, &Event, &Order) -> Result<Vec<u8>>;

/// What all webhooks need to be delivered.
#[derive(Clone)]
pub struct Deliverer {
    pub store: Store,
    pub clock: Clock,
    pub outgoing: Outgoing,
    pub metrics: metrics::Webhooks,
    /// Where a webhook that can't be read is told of.
    pub warning: Warning,
    pub render: Render,
    pub stop: Stop,
}

/// Delivers to one webhook.
pub struct Endpoint {
    id: WebhookId,
    shared: Deliverer,
    client: Option<Client>,
    /// Nothing more is sent until it is on disk: otherwise a store that takes no writes would have
    /// the same event sent again and again.
    unrecorded: Option<RecordAttempt>,
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The event was sent, or not: there may be more to do.
    Attempted(Outcome),
    /// Events were passed that it doesn't want, or that are lost to it.
    Passed,
    /// There is nothing to do before the next event, or that time.
    Idle(Option<Duration>),
    /// It is disabled, gone, or can't be read.
    Ended,
}

/// What is to be done next.
enum Task {
    Deliver { webhook: Box<Webhook>, source: Source, event: Box<(Event, Order)> },
    Pass(PassEvents),
    Nothing(Step),
}

impl Endpoint {
    pub fn new(id: WebhookId, shared: Deliverer) -> Endpoint {
        Endpoint { id, shared, client: None, unrecorded: None }
    }

    /// One attempt at most.
    ///
    /// # Errors
    /// The store can't be read, or can't take the result; that is kept for the next step.
    pub fn step(&mut self) -> Result<Step> {
        self.record()?;
        match self.next_task()? {
            Task::Nothing(step) => Ok(step),
            Task::Pass(pass) => {
                if let Some(lost) = pass.lost {
                    log::error!("webhook {}: {lost}", self.id);
                }
                self.shared.store.write(pass)?;
                Ok(Step::Passed)
            }
            Task::Deliver { webhook, source, event } => self.deliver(&webhook, source, &event),
        }
    }

    fn next_task(&self) -> Result<Task> {
        let snapshot = self.shared.store.read()?;
        let webhook = match snapshot.webhook(self.id) {
            // Whoever starts the threads tells of it.
            Err(Error::Internal(_)) => None,
            found => found?,
        };
        let Some(webhook) = webhook.filter(Webhook::is_enabled) else {
            return Ok(Task::Nothing(Step::Ended));
        };
        let Some(FeedExtent { source, oldest, .. }) = snapshot.feed_extent()? else {
            return Ok(Task::Nothing(Step::Idle(None)));
        };
        let (began, cursor) = (WebhookPosition::of(&webhook), webhook.cursor);
        if cursor.0 + 1 < oldest.0 {
            let (first, up_to) = (EventId(cursor.0 + 1), EventId(oldest.0 - 1));
            let lost = Some(LostEvents { first, last: up_to });
            return Ok(Task::Pass(PassEvents { began, up_to, lost }));
        }
        let now = self.shared.clock.now();
        if let Some(wait) = webhook.failing.and_then(|failing| schedule::wait(failing, now)) {
            return Ok(Task::Nothing(Step::Idle(Some(wait))));
        }
        let filter = EventFilter { types: webhook.types.clone(), order: None };
        let mut page = snapshot.events(&filter, cursor, 1, |_, _| Ok(true))?;
        if let Some(event) = page.events.pop() {
            let (webhook, event) = (Box::new(webhook), Box::new(event));
            return Ok(Task::Deliver { webhook, source, event });
        }
        Ok(match (page.next > cursor, page.unreadable) {
            (true, _) => Task::Pass(PassEvents { began, up_to: page.next, lost: None }),
            (false, Some(lost)) => {
                Task::Pass(PassEvents { began, up_to: lost.last, lost: Some(lost) })
            }
            (false, None) => Task::Nothing(Step::Idle(None)),
        })
    }

    fn deliver(
        &mut self,
        webhook: &Webhook,
        source: Source,
        (event, order): &(Event, Order),
    ) -> Result<Step> {
        let at = self.shared.clock.now();
        let id = format!("evt_{}_{}", source.short(), event.id);
        let body = (self.shared.render)(source, event, order)?;
        let delivery = signed(webhook, id, at, body);
        let attempted = self.client_for(webhook).deliver(delivery);
        let outcome = attempted.outcome;
        if outcome == Outcome::Cut {
            return Ok(Step::Attempted(outcome));
        }
        self.shared.metrics.count(self.id.0, outcome.as_str());
        let effect = self.effect(webhook, event.id, &attempted);
        self.tell(event.id, &attempted, effect);
        let began = WebhookPosition::of(webhook);
        let attempt = as_kept(at, Some(event.id), attempted);
        self.unrecorded = Some(RecordAttempt { began, attempt, effect });
        self.record()?;
        Ok(Step::Attempted(outcome))
    }

    fn effect(&self, webhook: &Webhook, event: EventId, attempted: &Attempted) -> AttemptEffect {
        match attempted.outcome {
            Outcome::Delivered => return AttemptEffect::Advance(event),
            Outcome::Gone => return AttemptEffect::Disable,
            _ => {}
        }
        let (reached, now) = (attempted.outcome.reached(), self.shared.clock.now());
        // Without the system's random numbers only the spread of the retries is worse.
        let random = getrandom::u64().unwrap_or(self.id.0);
        match schedule::next(webhook.failing, reached, attempted.retry_after, now, random) {
            Next::Retry(failing) => AttemptEffect::Retry(failing),
            Next::Disable => AttemptEffect::Disable,
        }
    }

    fn tell(&self, event: EventId, attempted: &Attempted, effect: AttemptEffect) {
        let (id, ms) = (self.id, attempted.elapsed.as_millis());
        let error = attempted.error.as_deref().unwrap_or_default();
        match effect {
            AttemptEffect::Advance(_) => {
                log::debug!("webhook delivered webhook={id} event={event} {ms} ms");
            }
            AttemptEffect::Retry(failing) => {
                let (attempts, next) = (failing.attempts, failing.next_attempt);
                log::warn!(
                    "webhook failed webhook={id} event={event} attempts={attempts} until={next}: \
                     {error}"
                );
            }
            AttemptEffect::Disable => {
                log::error!("webhook disabled webhook={id} event={event}: {error}");
            }
        }
    }

    /// Stores the result that is not on disk yet.
    fn record(&mut self) -> Result<()> {
        if let Some(record) = &self.unrecorded {
            self.shared.store.write(record.clone())?;
            self.unrecorded = None;
        }
        Ok(())
    }

    fn client_for(&mut self, webhook: &Webhook) -> &Client {
        let is_same = |client: &Client| *client.url() == webhook.url;
        let kept = self.client.take().filter(is_same);
        let Deliverer { outgoing, stop, .. } = &self.shared;
        self.client.insert(kept.unwrap_or_else(|| Client::new(outgoing, &webhook.url, stop)))
    }
}

/// A delivery that is signed by the secrets that sign then.
pub(super) fn signed(webhook: &Webhook, id: String, at: Timestamp, body: Vec<u8>) -> Delivery {
    let signature = sign(webhook.secrets(at), &id, at.as_secs(), &body);
    Delivery { id, at, signature, body }
}

pub(super) fn as_kept(
    at: Timestamp,
    event: Option<EventId>,
    attempted: Attempted,
) -> WebhookAttempt {
    let Attempted { status, elapsed, error, answer, .. } = attempted;
    WebhookAttempt { at, event, status, elapsed, error, answer }
}
