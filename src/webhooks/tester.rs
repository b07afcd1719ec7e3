//! Tries webhooks out: looks up where one would go, and makes one attempt, in a thread of its own,
//! so that no serving thread waits for a receiver.

use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use crate::clock::Clock;
use crate::domain::webhook::{Webhook, WebhookAttempt, WebhookUrl};
use crate::error::{Error, Result};
use crate::sys::permits::Permits;
use crate::sys::poll::Waker;
use crate::sys::stop::Stop;

use super::delivery::{ATTEMPT, Client, Outcome, Outgoing, look_up};
use super::endpoint::{as_kept, signed};
use super::resolver::Lookup;

/// Most tests at once.
const MAX_TESTS: usize = 8;

#[derive(Clone)]
pub struct Tester {
    outgoing: Outgoing,
    clock: Clock,
    stop: Stop,
    permits: Permits,
    /// Called when a test has ended.
    waker: Waker,
}

/// A test that has begun.
pub struct PendingTest(Arc<Ending>);

#[derive(Default)]
struct Ending {
    result: Mutex<Option<Result<WebhookAttempt>>>,
    changed: Condvar,
}

impl Tester {
    pub fn new(outgoing: Outgoing, clock: Clock, waker: Waker) -> Tester {
        let (stop, permits) = (Stop::new(), Permits::new(MAX_TESTS));
        Tester { outgoing, clock, stop, permits, waker }
    }

    /// The addresses of the URL's host.
    pub fn look_up(&self, url: &WebhookUrl) -> Lookup {
        look_up(&self.outgoing.resolver, url)
    }

    /// Begins to send this body.
    ///
    /// # Errors
    /// Too many tests are under way, or there is no thread for it.
    pub fn begin(&self, webhook: &Webhook, body: Vec<u8>) -> Result<PendingTest> {
        let at = self.clock.now();
        let random = getrandom::u64().map_err(Error::internal)?;
        let delivery = signed(webhook, format!("evt_test_{random:016x}"), at, body);
        let busy = || Error::busy("too many webhooks are being tested");
        let permit = self.permits.take().ok_or_else(busy)?;
        let client = Client::new(&self.outgoing, &webhook.url, &self.stop);
        let ending = Arc::new(Ending::default());
        let (its, waker) = (Arc::clone(&ending), self.waker.clone());
        let spawned = thread::Builder::new().name("webhook-test".into()).spawn(move || {
            let attempted = client.deliver(delivery);
            drop(permit);
            *its.result.lock() = Some(match attempted.outcome {
                Outcome::Cut => Err(Error::stopping()),
                _ => Ok(as_kept(at, None, attempted)),
            });
            its.changed.notify_all();
            waker.wake();
        });
        spawned.map_err(|why| Error::busy(format!("no thread for a test: {why}")))?;
        Ok(PendingTest(ending))
    }

    /// Cuts the tests under way.
    pub fn stop(&self) {
        self.stop.set();
    }
}

impl PendingTest {
    pub fn is_ready(&self) -> bool {
        self.0.result.lock().is_some()
    }

    /// Waits for what comes of it.
    ///
    /// # Errors
    /// It was cut, or lost.
    pub fn wait(self) -> Result<WebhookAttempt> {
        let mut result = self.0.result.lock();
        self.0.changed.wait_while_for(&mut result, |result| result.is_none(), ATTEMPT * 2);
        let ended = result.take();
        ended.unwrap_or_else(|| Err(Error::busy("the test has not ended")))
    }
}
