//! Whether the service can do its work: what load balancers and supervisors ask.

use std::time::Duration;

use crate::store::Trial;

use super::state::Service;

/// After a commit this recent no trial write is needed.
const RECENT: Duration = Duration::from_secs(10);

/// The content of `GET /readyz`.
#[derive(Debug)]
pub struct Readiness {
    /// Each check's name, and why it fails if it does.
    pub checks: [(&'static str, Option<String>); 4],
    /// Mails waiting to be sent. They never make the service unready, since it takes orders
    /// all the same.
    pub mail_backlog: u64,
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

    /// Why commits fail, if they do: known from recent writes, or from a trial write.
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
