//! Webhooks in the model: what the store must hold of them, and what their receiver must have got.
//!
//! Their events are sent by the service's own step, to a receiver on this host. It is no part of
//! the process that dies, and so knows what was sent before a cut.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use orderd::clock::Timestamp;
use orderd::domain::event::{Event, EventId, EventType};
use orderd::domain::webhook::{MAX_ATTEMPTS, NewWebhook, WebhookSecret, WebhookUpdate, WebhookUrl};
use orderd::domain::{Webhook, WebhookId};
use orderd::store::{Snapshot, WebhookChange};
use support::receiver::{Got, Receiver};

use crate::model::{Step, word_of};

/// A change of a webhook.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Another URL and description, which are its moment's.
    Update,
    Enable,
    Disable,
    /// The secret is its moment's.
    Rotate,
    Seek(EventId),
}

/// What is known of webhooks.
#[derive(Default)]
pub struct Webhooks {
    known: BTreeMap<u64, Known>,
    receiver: OnceLock<Receiver>,
}

struct Known {
    webhook: Webhook,
    /// It has got all that it wants from there up to its cursor.
    began: EventId,
}

impl Webhooks {
    pub fn receiver(&self) -> &Receiver {
        self.receiver.get_or_init(Receiver::start)
    }

    pub fn ids(&self) -> impl Iterator<Item = WebhookId> + '_ {
        self.known.keys().map(|id| WebhookId(*id))
    }

    pub fn get(&self, id: WebhookId) -> Option<&Webhook> {
        self.known.get(&id.0).map(|known| &known.webhook)
    }

    /// A webhook was made, and acknowledged.
    pub fn made(&mut self, webhook: Webhook) {
        let last = self.known.last_key_value().map_or(0, |(id, _)| *id);
        assert!(webhook.id.0 > last, "webhook id {} after {last}", webhook.id);
        self.adopt(webhook);
    }

    /// A change was acknowledged, and gave the webhook as it is since.
    pub fn changed(&mut self, change: Change, at: Timestamp, webhook: Webhook) {
        let known = self.known.get_mut(&webhook.id.0).expect("a webhook that was made");
        assert!(is_changed(&known.webhook, change, at, &webhook), "{change:?} made {webhook:?}");
        known.take(change, webhook);
    }

    /// A step of its deliveries was done, and this was read since.
    pub fn stepped(&mut self, webhook: Webhook) {
        let known = self.known.get_mut(&webhook.id.0).expect("a webhook that was made");
        assert!(is_stepped(&known.webhook, &webhook), "{:?} to {webhook:?}", known.webhook);
        known.webhook = webhook;
    }

    pub fn deleted(&mut self, id: WebhookId) {
        self.known.remove(&id.0).expect("a webhook that was made");
    }

    /// Compares with what is stored. `events` are all that there are.
    pub fn reconcile(&mut self, snapshot: &Snapshot, unsure: &[Step], events: &[Event]) {
        let list = snapshot.webhooks().unwrap();
        assert!(list.unreadable.is_empty(), "{:?}", list.unreadable);
        let stored: Vec<u64> = list.webhooks.iter().map(|webhook| webhook.id.0).collect();
        for webhook in list.webhooks {
            self.compare(webhook, unsure);
        }
        self.known.retain(|id, _| {
            let asked = |step: &Step| matches!(step, Step::DeleteWebhook { id: it } if it.0 == *id);
            let is_lost = !stored.contains(id);
            assert!(!is_lost || unsure.iter().any(asked), "webhook {id} is lost");
            !is_lost
        });
        for known in self.known.values() {
            self.check_deliveries(known, snapshot, events);
        }
    }

    fn compare(&mut self, found: Webhook, unsure: &[Step]) {
        let Some(known) = self.known.get_mut(&found.id.0) else {
            let is_made = |step: &Step| matches!(step, Step::CreateWebhook { at } if description_of(*at) == found.description);
            assert!(unsure.iter().any(is_made), "a webhook that was never made: {found:?}");
            return self.adopt(found);
        };
        if known.webhook == found {
            return;
        }
        let mut steps = unsure.iter().filter(|step| step.webhook() == Some(found.id));
        let change = steps.find_map(|step| match step {
            Step::ChangeWebhook { change, at, .. } => {
                is_changed(&known.webhook, *change, *at, &found).then_some(Some(*change))
            }
            Step::Deliver { .. } => is_stepped(&known.webhook, &found).then_some(None),
            _ => None,
        });
        match change {
            Some(Some(change)) => known.take(change, found),
            Some(None) => known.webhook = found,
            None => panic!("a webhook has changed: {:?} to {found:?}", known.webhook),
        }
    }

    /// The cursor is never past an event that it wants and its receiver has not taken, and has
    /// moved together with the attempt that tells of it.
    fn check_deliveries(&self, known: &Known, snapshot: &Snapshot, events: &[Event]) {
        let Known { webhook, began } = known;
        let got = self.got(webhook);
        let taken: Vec<u64> =
            got.iter().filter(|got| got.status == Some(200)).map(event_of).collect();
        let attempts = snapshot.webhook_attempts(webhook.id).unwrap();
        let told = |event: &Event| {
            // Older ones are not kept.
            attempts.len() == MAX_ATTEMPTS
                || attempts.iter().any(|it| it.is_success() && it.event == Some(event.id))
        };
        let wants = |event: &&Event| {
            event.id > *began
                && event.id <= webhook.cursor
                && webhook.types.as_ref().is_none_or(|types| types.contains(&event.kind))
        };
        for event in events.iter().filter(wants) {
            assert!(taken.contains(&event.id.0), "{webhook:?} has skipped event {}", event.id);
            assert!(told(event), "{webhook:?} has no attempt of event {}", event.id);
        }
        let last = events.last().map_or(EventId(0), |event| event.id);
        assert!(webhook.cursor <= last, "{webhook:?} is past the end, which is {last}");
    }

    /// What has come for the webhook.
    pub fn got(&self, webhook: &Webhook) -> Vec<Got> {
        let line = format!("POST /{}?", place_of(webhook));
        let got = self.receiver.get().map_or_else(Vec::new, Receiver::got);
        got.into_iter().filter(|got| got.line.starts_with(&line)).collect()
    }

    fn adopt(&mut self, webhook: Webhook) {
        let began = webhook.cursor;
        self.known.insert(webhook.id.0, Known { webhook, began });
    }
}

impl Known {
    fn take(&mut self, change: Change, webhook: Webhook) {
        if let Change::Seek(after) = change {
            self.began = after;
        }
        self.webhook = webhook;
    }
}

pub fn event_of(got: &Got) -> u64 {
    got.json()["id"].as_u64().unwrap()
}

/// Whether the change makes the one webhook the other.
fn is_changed(before: &Webhook, change: Change, at: Timestamp, found: &Webhook) -> bool {
    let Webhook { description, url, state, secret, old_secret, cursor, .. } = found;
    let is_done = match change {
        Change::Update => *description == description_of(at) && *url == url_at(before, at),
        Change::Enable => found.is_enabled(),
        Change::Disable => !found.is_enabled(),
        Change::Rotate => {
            let old = old_secret.as_ref().map(|(old, _)| old);
            *secret == secret_of(at) && old == Some(&before.secret)
        }
        Change::Seek(after) => *cursor == after,
    };
    // All that the change leaves alone.
    let mut rest = before.clone();
    match change {
        Change::Update => (rest.description, rest.url) = (description.clone(), url.clone()),
        Change::Enable | Change::Disable => rest.state = *state,
        Change::Rotate => (rest.secret, rest.old_secret) = (secret.clone(), old_secret.clone()),
        Change::Seek(_) => rest.cursor = *cursor,
    }
    is_done && is_same_but_for_trouble(rest, found)
}

/// Whether deliveries may make the one webhook the other.
fn is_stepped(before: &Webhook, found: &Webhook) -> bool {
    let mut rest = before.clone();
    (rest.cursor, rest.attempts) = (found.cursor, found.attempts);
    let is_back = found.cursor < before.cursor || found.attempts < before.attempts;
    let is_enabled_again = found.is_enabled() && !before.is_enabled();
    rest.state = found.state;
    !is_back && !is_enabled_again && is_same_but_for_trouble(rest, found)
}

fn is_same_but_for_trouble(mut expected: Webhook, found: &Webhook) -> bool {
    expected.failing = found.failing;
    expected.last_error.clone_from(&found.last_error);
    expected == *found
}

/// Every other one wants one type alone.
pub fn new_webhook(receiver: &Receiver, at: Timestamp) -> NewWebhook {
    let url = format!("http://{}/{}?", receiver.address(), word_of(at));
    NewWebhook {
        url: WebhookUrl::parse(&url).unwrap(),
        types: at.as_secs().is_multiple_of(2).then(|| vec![EventType::Updated]),
        description: description_of(at),
    }
}

pub fn write_of(before: &Webhook, change: Change, at: Timestamp) -> WebhookChange {
    match change {
        Change::Update => {
            let (url, description) = (Some(url_at(before, at)), Some(description_of(at)));
            let update = WebhookUpdate { url, description, types: None };
            WebhookChange::Update { update, trouble: None }
        }
        Change::Enable => WebhookChange::Enable,
        Change::Disable => WebhookChange::Disable,
        Change::Rotate => WebhookChange::Rotate { secret: secret_of(at), at },
        Change::Seek(after) => WebhookChange::Seek { after },
    }
}

pub fn secret_of(at: Timestamp) -> WebhookSecret {
    let mut bytes = [7; WebhookSecret::BYTES];
    bytes[..8].copy_from_slice(&at.as_secs().to_be_bytes());
    WebhookSecret::new(bytes)
}

fn description_of(at: Timestamp) -> Option<String> {
    Some(word_of(at))
}

/// The URL that an update gives it: of the same place, by which what comes is told apart.
fn url_at(before: &Webhook, at: Timestamp) -> WebhookUrl {
    let (place, _) = before.url.as_str().split_once('?').unwrap();
    WebhookUrl::parse(&format!("{place}?{}", word_of(at))).unwrap()
}

fn place_of(webhook: &Webhook) -> &str {
    let (url, _) = webhook.url.as_str().split_once('?').unwrap();
    url.rsplit_once('/').unwrap().1
}
