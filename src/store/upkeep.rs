//! Regular work in the background: scheduled backups, and the removal of what is too old.

use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::backup::folder::{self, Backups};
use super::engine::Store;
use super::snapshot::PAGE_ROWS;
use super::writes::{ForgetKeys, PruneApiKeys, PruneEvents, PruneSent};
use crate::clock::{Clock, Timestamp};
use crate::domain::event::EventId;
use crate::domain::{ApiKeyId, MailId, OrderId};
use crate::error::{Error, Result};
use crate::metrics::Gauge;
use crate::sys::files::make_folder;
use crate::sys::stop::Stop;

const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// After a backup that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(300);
/// Of a folder that is made for backups, which hold names and addresses.
const FOLDER_MODE: u32 = 0o750;

/// What is to be kept, and for how long.
#[derive(Clone, Debug)]
pub struct UpkeepPlan {
    pub backups: Option<BackupPlan>,
    /// Where a backup for a client is made. A file that a killed process has left there is
    /// removed at the start.
    pub download: PathBuf,
    pub keep_sent_mails: Duration,
    pub keep_keys: Duration,
    /// Zero where there is no feed.
    pub keep_events: Duration,
}

#[derive(Clone, Debug)]
pub struct BackupPlan {
    pub folder: PathBuf,
    pub interval: Duration,
    /// How many are kept; the oldest are removed.
    pub keep: usize,
}

/// The work itself. Its single step is public, so that a test can take it.
///
/// What is due next is measured by uptime: a clock that is set ahead or back neither hurries nor
/// holds up anything.
pub struct Upkeep {
    store: Store,
    clock: Clock,
    plan: UpkeepPlan,
    last_backup: Gauge,
    /// The backup of the future that was last told of.
    odd_backup: Option<PathBuf>,
    next_backup: Duration,
    next_prune: Duration,
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
        let uptime = clock.uptime();
        let odd_backup = None;
        let mut upkeep = Upkeep {
            store,
            clock,
            plan,
            last_backup,
            odd_backup,
            next_backup: uptime,
            next_prune: uptime,
        };
        if let Some(plan) = upkeep.plan.backups.clone() {
            let now = upkeep.clock.now();
            if let Some(at) = upkeep.list_backups(&plan, now).newest() {
                upkeep.last_backup.set(at.min(now).as_secs() as i64);
                upkeep.next_backup += plan.interval.saturating_sub(now.since(at));
            }
        }
        upkeep
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
        if self.clock.uptime() >= self.next_prune {
            self.next_prune = self.clock.uptime() + PRUNE_INTERVAL;
            self.prune(now);
        }
        let mut next = self.next_prune;
        if let Some(plan) = self.plan.backups.clone() {
            if self.clock.uptime() >= self.next_backup {
                let started = self.clock.uptime();
                self.next_backup = started + self.back_up(&plan, now);
            }
            next = next.min(self.next_backup);
        }
        next.saturating_sub(self.clock.uptime())
    }

    /// Removes old rows in short writes, so that no order waits for long. What fails for one kind of
    /// rows stops no other.
    fn prune(&self, now: Timestamp) {
        for (rows, pruned) in [
            ("sent mails", self.prune_mails(now)),
            ("idempotency keys", self.forget_keys(now)),
            ("events", self.prune_events(now)),
            ("API keys that had ended", self.prune_api_keys(now)),
        ] {
            match pruned {
                Ok(0) => {}
                Ok(count) => log::info!("pruned {count} {rows}"),
                Err(why) => log::error!("pruning {rows} failed: {why}"),
            }
        }
    }

    fn prune_mails(&self, now: Timestamp) -> Result<u64> {
        let (mut after, mut pruned) = (Some(MailId(0)), 0);
        while let Some(from) = after {
            let sent_before = now - self.plan.keep_sent_mails;
            let done = self.store.write(PruneSent { after: from, sent_before, now })?;
            after = done.next;
            pruned += done.removed as u64;
        }
        Ok(pruned)
    }

    fn forget_keys(&self, now: Timestamp) -> Result<u64> {
        let (mut after, mut forgotten) = (Some(OrderId(0)), 0);
        while let Some(from) = after {
            let placed_before = now - self.plan.keep_keys;
            let done = self.store.write(ForgetKeys { after: from, placed_before, now })?;
            after = done.next;
            forgotten += done.removed as u64;
        }
        Ok(forgotten)
    }

    fn prune_api_keys(&self, now: Timestamp) -> Result<u64> {
        let (mut after, mut pruned) = (Some(ApiKeyId(0)), 0);
        while let Some(from) = after {
            let done = self.store.write(PruneApiKeys { after: from, now })?;
            after = done.next;
            pruned += done.removed as u64;
        }
        Ok(pruned)
    }

    /// How many events don't count any more.
    fn prune_events(&self, now: Timestamp) -> Result<u64> {
        let before = now - self.plan.keep_events;
        let extent = self.store.read()?.feed_extent()?;
        let Some(extent) = extent.filter(|_| !self.plan.keep_events.is_zero()) else {
            return Ok(0);
        };
        let first = extent.oldest.0 - 1;
        let (mut after, mut last_old) = (Some(EventId(first)), first);
        while let Some(from) = after {
            let found = self.store.read()?.old_events(from, before, now)?;
            after = found.next;
            last_old = found.last.map_or(last_old, |last| last.0);
        }
        let mut pruned = first;
        while pruned < last_old {
            pruned = last_old.min(pruned + PAGE_ROWS as u64);
            self.store.write(PruneEvents { up_to: EventId(pruned) })?;
        }
        Ok(last_old - first)
    }

    /// Removes the unfinished backups of a process that was killed. Call it before the first
    /// client can ask for a backup.
    pub fn remove_leftovers(&self) {
        folder::remove_download(&self.plan.download);
        if let Some(plan) = &self.plan.backups {
            folder::remove_unfinished(&plan.folder);
        }
    }

    /// Tells once of a backup that was made in the future.
    fn list_backups(&mut self, plan: &BackupPlan, now: Timestamp) -> Backups {
        // There is no folder before the first backup. Another failure is one of the backup, too.
        let found = Backups::list(&plan.folder, now).unwrap_or_default();
        if let Some(odd) = &found.odd
            && self.odd_backup.as_ref() != Some(odd)
        {
            let path = odd.display();
            log::warn!("{path} is dated in the future: it doesn't count, and is never removed");
            self.odd_backup = Some(odd.clone());
        }
        found
    }

    /// Returns the time until the next backup is due.
    fn back_up(&mut self, plan: &BackupPlan, now: Timestamp) -> Duration {
        folder::remove_unfinished(&plan.folder);
        let made = make_folder(&plan.folder, FOLDER_MODE)
            .map_err(Error::internal)
            .and_then(|()| self.store.back_up_to(&plan.folder.join(folder::name_of(now))));
        match made {
            Ok(report) => {
                self.last_backup.set(now.as_secs() as i64);
                let secs = report.took.as_secs_f64();
                let (path, rows) = (report.path.display(), report.rows);
                log::info!("backed up {rows} rows to {path} in {secs:.1} s");
                if let Err(why) = self.list_backups(plan, now).drop_oldest(plan.keep) {
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
