//! What is done in the background, now and then: scheduled backups, and pruning.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use super::backup::{UNFINISHED, remove_leftover};
use super::{ForgetKeys, PAGE_ROWS, PruneSent, Store, Wakeup};
use crate::clock::{Clock, Timestamp};
use crate::domain::MailId;
use crate::error::Result;
use crate::metrics::Gauge;
use crate::sys::files::named_beside;

const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// After a backup that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(300);

/// What is to be kept, and for how long.
#[derive(Clone, Debug)]
pub struct UpkeepPlan {
    pub backups: Option<BackupPlan>,
    /// Where a backup for a client is made. What a process that died has left there goes
    /// at the start.
    pub download: PathBuf,
    pub keep_sent_mails: Duration,
    pub keep_keys: Duration,
}

#[derive(Clone, Debug)]
pub struct BackupPlan {
    pub folder: PathBuf,
    pub interval: Duration,
    /// How many are kept; the oldest go first.
    pub keep: usize,
}

/// The work itself. Its steps are public, so that a test can take them.
pub struct Upkeep {
    store: Store,
    clock: Clock,
    plan: UpkeepPlan,
    last_backup: Gauge,
    next_backup: Timestamp,
    next_prune: Timestamp,
}

/// The thread, until it is stopped.
pub struct RunningUpkeep {
    store: Store,
    stopping: Arc<Stopping>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Stopping {
    asked: AtomicBool,
    bell: Wakeup,
}

impl Upkeep {
    /// `last_backup` shows when the last verified backup was made, in Unix time.
    pub fn new(store: Store, clock: Clock, plan: UpkeepPlan, last_backup: Gauge) -> Upkeep {
        let found = plan.backups.as_ref().and_then(|plan| list(&plan.folder).ok()?.pop());
        let mut next_backup = Timestamp::EPOCH;
        if let (Some((at, _)), Some(plan)) = (found, &plan.backups) {
            last_backup.set(at.as_secs() as i64);
            next_backup = at + plan.interval;
        }
        let next_prune = Timestamp::EPOCH;
        Upkeep { store, clock, plan, last_backup, next_backup, next_prune }
    }

    /// Lets a thread take the steps, each when it is due.
    pub fn start(mut self) -> io::Result<RunningUpkeep> {
        let stopping = Arc::new(Stopping::default());
        let (seen, store) = (stopping.clone(), self.store.clone());
        let thread = thread::Builder::new().name("upkeep".into()).spawn(move || {
            while !seen.asked.load(Ordering::Acquire) {
                let wait = self.step();
                if !seen.asked.load(Ordering::Acquire) {
                    seen.bell.wait(wait);
                }
            }
        })?;
        Ok(RunningUpkeep { store, stopping, thread })
    }

    /// Does what is due now; gives the time until something is due again.
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

    /// In short writes, so that no order waits for long.
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

    /// Removes what a process that was killed has left of its backups. Call it before the first
    /// client is let in, who may ask for one.
    pub fn remove_leftovers(&self) {
        let download = &self.plan.download;
        let unfinished = named_beside(download, UNFINISHED);
        for path in [download.clone(), unfinished] {
            remove_and_tell(&path);
        }
        if let Some(plan) = &self.plan.backups {
            remove_unfinished(&plan.folder);
        }
    }

    /// Gives the time until the next is due.
    fn back_up(&self, plan: &BackupPlan, now: Timestamp) -> Duration {
        remove_unfinished(&plan.folder);
        let made = fs::create_dir_all(&plan.folder)
            .map_err(crate::error::Error::internal)
            .and_then(|()| self.store.back_up_to(&plan.folder.join(name_of(now))));
        match made {
            Ok(report) => {
                self.last_backup.set(now.as_secs() as i64);
                let secs = report.took.as_secs_f64();
                let (path, rows) = (report.path.display(), report.rows);
                log::info!("backed up {rows} rows to {path} in {secs:.1} s");
                if let Err(why) = drop_oldest(plan) {
                    log::error!("old backups stay: {why}");
                }
                plan.interval
            }
            Err(why) => {
                log::error!("the backup failed: {why}");
                RETRY_INTERVAL.min(plan.interval)
            }
        }
    }
}

impl RunningUpkeep {
    /// Waits for the step under way; a backup ends unfinished.
    pub fn stop(self) {
        self.store.stop_backups();
        self.stopping.asked.store(true, Ordering::Release);
        self.stopping.bell.ring();
        // A panic of the thread was logged where it happened.
        let _ = self.thread.join();
    }
}

/// `orders-20261122T100000.redb`.
fn name_of(at: Timestamp) -> String {
    format!("orders-{}.redb", at.to_compact())
}

/// When a backup was made, by its name; none for a file that is not ours.
fn moment_of(name: &str) -> Option<Timestamp> {
    let compact = name.strip_prefix("orders-")?.strip_suffix(".redb")?;
    let (date, time) = compact.split_once('T').filter(|_| compact.is_ascii())?;
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let date = [&date[..4], &date[4..6], &date[6..]].join("-");
    let time = [&time[..2], &time[2..4], &time[4..]].join(":");
    Timestamp::parse(&format!("{date}T{time}"))
}

/// The backups in a folder, the oldest first.
fn list(folder: &Path) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(at) = entry.file_name().to_str().and_then(moment_of) {
            found.push((at, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// In a folder of backups; a folder that is not there yet has none.
fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let backup = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED));
        if backup.and_then(moment_of).is_some() {
            remove_and_tell(&entry.path());
        }
    }
}

fn remove_and_tell(path: &Path) {
    match remove_leftover(path) {
        Ok(true) => log::warn!("removed {}, left of a backup that was cut off", path.display()),
        Ok(false) => {}
        Err(why) => log::error!("{} stays: {why}", path.display()),
    }
}

fn drop_oldest(plan: &BackupPlan) -> io::Result<()> {
    let found = list(&plan.folder)?;
    let surplus = found.len().saturating_sub(plan.keep);
    found.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backups_name_tells_when_it_was_made_and_other_names_tell_nothing() {
        let at = Timestamp::parse("2026-11-22T10:00:00").unwrap();
        assert_eq!(name_of(at), "orders-20261122T100000.redb");
        assert_eq!(moment_of(&name_of(at)), Some(at));
        for other in ["orders.redb", "orders-.redb", "orders-20261322T100000.redb", "orders-ä.redb"]
        {
            assert_eq!(moment_of(other), None, "{other}");
        }
    }
}
