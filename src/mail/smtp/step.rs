//! One step of an SMTP session: its timeout, and what a stop does to it.

use std::cell::Cell;
use std::pin::pin;
use std::time::{Duration, Instant};

use crate::mail::delivery::short_reason;
use crate::sys::stop::Stop;

use super::dialogue::Fault;
use super::reply::Reply;

/// How often a running step checks the stop flag.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Runs steps, each within its timeout, and cuts them short after a stop.
pub(super) struct StepRunner {
    stop: Stop,
    /// What all steps together may still take after a stop.
    after_stop: Duration,
    /// When a step first saw the stop.
    stopped_at: Cell<Option<Instant>>,
}

/// Why a step failed.
pub(super) struct StepError {
    pub text: String,
    /// What the server said, if that is what failed the step.
    pub reply: Option<Reply>,
}

impl StepRunner {
    pub fn new(stop: &Stop, after_stop: Duration) -> StepRunner {
        StepRunner { stop: stop.clone(), after_stop, stopped_at: Cell::new(None) }
    }

    pub async fn run<T>(
        &self,
        name: &str,
        timeout: Duration,
        step: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StepError> {
        let mut step = pin!(step);
        let began = Instant::now();
        loop {
            let left = timeout.saturating_sub(began.elapsed());
            let left_after_stop = self.left_after_stop();
            let slice = left.min(left_after_stop.unwrap_or(left)).min(STOP_CHECK_INTERVAL);
            // A step that is done at once counts, also where no time is left.
            if let Ok(done) = tokio::time::timeout(slice, step.as_mut()).await {
                return done.map_err(|fault| StepError::at(name, fault));
            }
            if left_after_stop.is_some_and(|left| left.is_zero()) {
                return Err(StepError::at(name, Fault::broken("stopped")));
            }
            if left.is_zero() {
                return Err(StepError::at(name, Fault::broken("no answer in time")));
            }
        }
    }

    /// None without a stop.
    fn left_after_stop(&self) -> Option<Duration> {
        if !self.stop.is_set() {
            return None;
        }
        let since = self.stopped_at.get().unwrap_or_else(Instant::now);
        self.stopped_at.set(Some(since));
        Some(self.after_stop.saturating_sub(since.elapsed()))
    }
}

impl StepError {
    /// A step that we don't take.
    pub fn ours(text: &str) -> StepError {
        StepError { text: text.to_owned(), reply: None }
    }

    fn at(step: &str, fault: Fault) -> StepError {
        let (text, reply) = match fault {
            Fault::Broken(text) => (text, None),
            Fault::Reply(reply) => (reply.text(), Some(reply)),
        };
        StepError { text: short_reason(&format!("{step}: {text}")), reply }
    }

    /// The server said no for good, and another attempt gets the same answer until somebody
    /// changes something.
    pub fn is_refusal(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.code / 100 == 5)
    }
}
