//! The threads: one for each enabled webhook, and one that sees to it that they are there.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::domain::webhook::{Webhook, WebhookId};
use crate::error::Result;
use crate::store::{Store, WebhookList};
use crate::sys::stop::Stop;

use super::endpoint::{Deliverer, Endpoint, Step};

/// Longest wait between two looks at what there is to do.
const IDLE_WAIT: Duration = Duration::from_secs(60);
/// The same while an attempt is to be made at some time: the clock may have been set meanwhile.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// Wait after the store has failed.
const FAILURE_WAIT: Duration = Duration::from_secs(1);

const UNREADABLE: &str = "a webhook can't be read and stands still; the log has its id";

/// Delivers to all webhooks that are enabled.
pub struct Runner {
    shared: Deliverer,
    workers: HashMap<WebhookId, Worker>,
    /// Those whose rows can't be read, as far as they were told of.
    unreadable: Vec<WebhookId>,
}

/// The thread of a webhook.
struct Worker {
    /// It delivers no more. Set before it rings: whoever hears that must not take a thread that is
    /// about to end for one that delivers.
    has_ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// The threads, as whoever stops them holds them.
pub struct Running {
    stop: Stop,
    store: Store,
    thread: JoinHandle<()>,
}

impl Runner {
    pub fn new(shared: Deliverer) -> Runner {
        Runner { shared, workers: HashMap::new(), unreadable: Vec::new() }
    }

    pub fn start(self) -> io::Result<Running> {
        let (stop, store) = (self.shared.stop.clone(), self.shared.store.clone());
        let thread = thread::Builder::new().name("webhooks".into()).spawn(move || self.run())?;
        Ok(Running { stop, store, thread })
    }

    fn run(mut self) {
        let stop = self.shared.stop.clone();
        while !stop.is_set() {
            let seen = self.shared.store.webhook_bell().count();
            match self.start_missing() {
                Ok(()) => self.shared.store.webhook_bell().wait(seen, IDLE_WAIT),
                Err(why) => {
                    log::error!("webhooks: {why}");
                    stop.wait(FAILURE_WAIT);
                }
            }
        }
        for (_, worker) in self.workers.drain() {
            // A panic was logged where it happened.
            let _ = worker.thread.join();
        }
    }

    /// A webhook's thread ends by itself, once it is disabled or gone.
    fn start_missing(&mut self) -> Result<()> {
        for (_, worker) in self.workers.extract_if(|_, worker| worker.has_ended()) {
            let _ = worker.thread.join();
        }
        let WebhookList { webhooks, unreadable } = self.shared.store.read()?.webhooks()?;
        self.tell_of_unreadable(unreadable);
        for webhook in webhooks.iter().filter(|webhook| webhook.is_enabled()) {
            if !self.workers.contains_key(&webhook.id) {
                self.start_endpoint(webhook);
            }
        }
        Ok(())
    }

    /// Once of each; `/health` warns until all are gone.
    fn tell_of_unreadable(&mut self, unreadable: Vec<WebhookId>) {
        for id in unreadable.iter().filter(|id| !self.unreadable.contains(id)) {
            log::error!("webhook {id} can't be read: it stands still, and can only be deleted");
        }
        self.shared.warning.set((!unreadable.is_empty()).then_some(UNREADABLE));
        self.unreadable = unreadable;
    }

    fn start_endpoint(&mut self, webhook: &Webhook) {
        let (id, shared) = (webhook.id, self.shared.clone());
        let endpoint = Endpoint::new(id, shared.clone());
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        let spawned = thread::Builder::new().name(format!("webhook-{id}")).spawn(move || {
            run_endpoint(endpoint, &shared, id);
            ended.store(true, Ordering::Release);
            // It may have been enabled again since it was seen to be disabled.
            shared.store.webhook_bell().ring();
        });
        match spawned {
            Ok(thread) => drop(self.workers.insert(id, Worker { has_ended, thread })),
            Err(why) => log::error!("webhook {id} has no thread: {why}"),
        }
    }
}

impl Worker {
    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire) || self.thread.is_finished()
    }
}

impl Running {
    /// Cuts the attempts under way, which count as not made, and ends the threads.
    pub fn stop(self) {
        self.stop.set();
        self.store.webhook_bell().ring();
        self.store.event_bell().ring();
        let _ = self.thread.join();
    }
}

fn run_endpoint(mut endpoint: Endpoint, shared: &Deliverer, id: WebhookId) {
    let (stop, store) = (&shared.stop, &shared.store);
    while !stop.is_set() {
        let seen = store.event_bell().count();
        match catch_unwind(AssertUnwindSafe(|| endpoint.step())) {
            Ok(Ok(Step::Attempted(_) | Step::Passed)) => {}
            Ok(Ok(Step::Idle(until))) => {
                let limit = until.map_or(IDLE_WAIT, |until| until.min(RETRY_WAIT));
                store.event_bell().wait(seen, limit);
            }
            Ok(Ok(Step::Ended)) => break,
            Ok(Err(why)) => {
                log::error!("webhook {id}: {why}");
                stop.wait(FAILURE_WAIT);
            }
            Err(_) => {
                log::error!("webhook {id}: a step panicked");
                stop.wait(FAILURE_WAIT);
            }
        }
    }
}
