//! Regular work in the background: scheduled backups, and the removal of what is too old.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use super::backup::folder;
use super::engine::Store;
use super::snapshot::PAGE_ROWS;
use super::writes::{ForgetKeys, PruneSent};
use crate::clock::{Clock, Timestamp};
use crate::domain::MailId;
use crate::error::{Error, Result};
use crate::metrics::Gauge;
use crate::sys::stop::Stop;

const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// After a backup that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(300);

/// What is to be kept, and for how long.
#[derive(Clone, Debug)]
pub struct UpkeepPlan {
    pub backups: Option<BackupPlan>,
    /// Where a backup for a client is made. A file that a killed process has left there is
    /// removed at the start.
    pub download: PathBuf,
    pub keep_sent_mails: Duration,
    pub keep_keys: Duration,
}

#[derive(Clone, Debug)]
pub struct BackupPlan {
    pub folder: PathBuf,
    pub interval: Duration,
    /// How many are kept; the oldest are removed.
    pub keep: usize,
}

/// The work itself. Its single step is public, so that a test can take it.
pub struct Upkeep {
    store: Store,
    clock: Clock,
    plan: UpkeepPlan,
    last_backup: Gauge,
    next_backup: Timestamp,
    next_prune: Timestamp,
}

/// The thread that takes the steps.
pub struct RunningUpkeep {
    store: Store,
    stop: Stop,
    thread: JoinHandle<()>,
}

impl Upkeep {
    /// `last_backup` shows when the last verified backup was made, in Unix time.
    pub fn new(store: Store, clock: Clock, plan: UpkeepPlan, last_backup: Gauge) -> Upkeep {
        let mut next_backup = Timestamp::EPOCH;
        if let Some(plan) = &plan.backups
            && let Some(at) = folder::newest(&plan.folder)
        {
            last_backup.set(at.as_secs() as i64);
            next_backup = at + plan.interval;
        }
        let next_prune = Timestamp::EPOCH;
        Upkeep { store, clock, plan, last_backup, next_backup, next_prune }
    }

    /// Starts a thread that takes a step whenever something is due.
    pub fn start(mut self) -> io::Result<RunningUpkeep> {
        let (store, stop) = (self.store.clone(), Stop::new());
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("upkeep".into()).spawn(move || {
            while !stopped.is_set() {
                let until_due = self.step();
                stopped.wait(until_due);
            }
        })?;
        Ok(RunningUpkeep { store, stop, thread })
    }

    /// Does what is due now. Returns the time until something is due again.
    pub fn step(&mut self) -> Duration {
        let now = self.clock.now();
        if now >= self.next_prune {
            self.next_prune = now + PRUNE_INTERVAL;
            if let Err(why) = self.prune(now) {
                log::error!("pruning failed: {why}");
            }
        }
        if let Some(plan) = self.plan.backups.clone()
            && now >= self.next_backup
        {
            self.next_backup = now + self.back_up(&plan, now);
        }
        let next = match self.plan.backups {
            Some(_) => self.next_prune.min(self.next_backup),
            None => self.next_prune,
        };
        next.since(self.clock.now())
    }

    /// Removes old rows in short writes, so that no order waits for long.
    fn prune(&self, now: Timestamp) -> Result<()> {
        let (mut after, mut pruned) = (Some(MailId(0)), 0);
        while let Some(from) = after {
            let sent_before = now - self.plan.keep_sent_mails;
            let done = self.store.write(PruneSent { after: from, sent_before })?;
            after = done.next;
            pruned += done.removed;
        }
        let placed_before = now - self.plan.keep_keys;
        let mut forgotten = 0;
        loop {
            let count = self.store.write(ForgetKeys { placed_before })?;
            forgotten += count;
            if count < PAGE_ROWS {
                break;
            }
        }
        if pruned + forgotten > 0 {
            log::info!("pruned {pruned} sent mails and {forgotten} idempotency keys");
        }
        Ok(())
    }

    /// Removes the unfinished backups of a process that was killed. Call it before the first
    /// client can ask for a backup.
    pub fn remove_leftovers(&self) {
        folder::remove_download(&self.plan.download);
        if let Some(plan) = &self.plan.backups {
            folder::remove_unfinished(&plan.folder);
        }
    }

    /// Returns the time until the next backup is due.
    fn back_up(&self, plan: &BackupPlan, now: Timestamp) -> Duration {
        folder::remove_unfinished(&plan.folder);
        let made = fs::create_dir_all(&plan.folder)
            .map_err(Error::internal)
            .and_then(|()| self.store.back_up_to(&plan.folder.join(folder::name_of(now))));
        match made {
            Ok(report) => {
                self.last_backup.set(now.as_secs() as i64);
                let secs = report.took.as_secs_f64();
                let (path, rows) = (report.path.display(), report.rows);
                log::info!("backed up {rows} rows to {path} in {secs:.1} s");
                if let Err(why) = folder::drop_oldest(&plan.folder, plan.keep) {
                    log::error!("old backups can't be removed: {why}");
                }
                plan.interval
            }
            Err(why) => {
                self.store.shared.metrics.failed_backups.inc();
                log::error!("the backup failed: {why}");
                RETRY_INTERVAL.min(plan.interval)
            }
        }
    }
}

impl RunningUpkeep {
    /// Waits for the step under way. A backup that is being made is given up.
    pub fn stop(self) {
        self.store.stop_backups();
        self.stop.set();
        // A panic of the thread was logged where it happened.
        let _ = self.thread.join();
    }
}
