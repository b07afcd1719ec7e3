//! Whether requests should be sent here.

use std::time::Duration;

use parking_lot::Mutex;

use super::Service;
use crate::store::Trial;

/// A commit this young needs no trial.
const RECENT: Duration = Duration::from_secs(10);
/// At most one trial in this time, however many ask.
const TRIAL_INTERVAL: Duration = Duration::from_secs(1);

/// What `GET /readyz` tells.
#[derive(Debug)]
pub struct Readiness {
    /// Each with its fault, if it has one.
    pub checks: [(&'static str, Option<String>); 4],
    /// Mails that wait. They never make the service unready: orders are taken all the same.
    pub mail_backlog: u64,
}

/// The last trial, and what came of it.
#[derive(Debug, Default)]
pub(super) struct LastTrial(Mutex<Trials>);

#[derive(Debug, Default)]
struct Trials {
    /// When the last one began, and how it ended.
    last: Option<(Duration, Option<String>)>,
    is_running: bool,
}

impl Readiness {
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|(_, fault)| fault.is_none())
    }
}

impl Service {
    pub fn readiness(&self) -> Readiness {
        let full = |is_full: bool| is_full.then(|| "the queue is full".to_owned());
        let mail_backlog = self.store.read().and_then(|read| read.counts());
        Readiness {
            checks: [
                ("store", self.commit_fault()),
                ("disk", self.store.disk_shortage()),
                ("writes", full(self.store.is_queue_full())),
                ("passwords", full(self.hasher.is_queue_full())),
            ],
            mail_backlog: mail_backlog.map_or(0, |counts| counts.mails_pending),
        }
    }

    /// Why no commit works, if so: known from those that were asked for, or tried out.
    fn commit_fault(&self) -> Option<String> {
        if self.store.committed_within(RECENT) && self.store.trouble().is_none() {
            return None;
        }
        let now = self.clock.uptime();
        if let Some(known) = self.last_trial.begin(now) {
            return known;
        }
        let fault = self.store.write(Trial { at: self.clock.now() }).err();
        let fault = fault.map(|why| why.to_string());
        self.last_trial.end(now, fault.clone());
        fault
    }
}

impl LastTrial {
    /// What is known already; none when the caller is to try. Nobody waits for another's
    /// trial: one that hangs must not take all threads with it.
    fn begin(&self, now: Duration) -> Option<Option<String>> {
        let mut trials = self.0.lock();
        let is_recent = |at: &Duration| now.saturating_sub(*at) < TRIAL_INTERVAL;
        match &trials.last {
            Some((at, fault)) if is_recent(at) => return Some(fault.clone()),
            _ if trials.is_running => return Some(Some("a commit is taking long".to_owned())),
            _ => {}
        }
        trials.is_running = true;
        // Who asks while it runs gets the last outcome for a moment yet.
        let fault = trials.last.take().and_then(|(_, fault)| fault);
        trials.last = Some((now, fault));
        None
    }

    fn end(&self, began: Duration, fault: Option<String>) {
        let mut trials = self.0.lock();
        *trials = Trials { last: Some((began, fault)), is_running: false };
    }
}
