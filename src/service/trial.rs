//! The last trial write, shared by all who ask whether commits work.

use std::time::Duration;

use parking_lot::Mutex;

/// Shortest time between two trials, however many ask.
const TRIAL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct LastTrial(Mutex<Trials>);

#[derive(Debug, Default)]
struct Trials {
    /// When the last one began, by the clock's uptime, and why it failed if it did.
    last: Option<(Duration, Option<String>)>,
    is_running: bool,
}

impl LastTrial {
    /// The known outcome of a trial, or `None` if the caller is to make one and then call
    /// [`LastTrial::end`]. Nobody waits for a trial of another caller: one that hangs must
    /// not take all threads with it.
    pub fn begin(&self, now: Duration) -> Option<Option<String>> {
        let mut trials = self.0.lock();
        let is_recent = |at: &Duration| now.saturating_sub(*at) < TRIAL_INTERVAL;
        match &trials.last {
            Some((at, fault)) if is_recent(at) => return Some(fault.clone()),
            _ if trials.is_running => return Some(Some("a commit is taking long".to_owned())),
            _ => {}
        }
        trials.is_running = true;
        // For the next second, callers that ask while this one runs get the previous outcome.
        let fault = trials.last.take().and_then(|(_, fault)| fault);
        trials.last = Some((now, fault));
        None
    }

    pub fn end(&self, began: Duration, fault: Option<String>) {
        *self.0.lock() = Trials { last: Some((began, fault)), is_running: false };
    }
}
