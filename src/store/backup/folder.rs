//! The folder of scheduled backups: their names, which of them are kept, and what a process that
//! was killed has left there.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use crate::clock::Timestamp;
use crate::sys::files::{named_beside, naming};

/// Follows the name of a backup that is not finished.
const UNFINISHED: &str = ".unfinished";
/// A clock that is set right may go back so far.
const CLOCK_ERROR: Duration = Duration::from_secs(3600);

/// The finished backups in a folder, by what their names say.
#[derive(Default)]
pub(in crate::store) struct Backups {
    /// The oldest first.
    dated: Vec<(Timestamp, PathBuf)>,
    /// The last one of those that were made in the future: a clock was wrong then, or is wrong
    /// now. They count neither as the newest nor as the oldest, and stay.
    pub odd: Option<PathBuf>,
}

impl Backups {
    pub fn list(folder: &Path, now: Timestamp) -> io::Result<Backups> {
        let mut dated = list(folder)?;
        let counted = dated.partition_point(|(at, _)| *at <= now + CLOCK_ERROR);
        let odd = dated.split_off(counted).pop().map(|(_, path)| path);
        Ok(Backups { dated, odd })
    }

    /// When the newest one was made.
    pub fn newest(&self) -> Option<Timestamp> {
        self.dated.last().map(|(at, _)| *at)
    }

    /// Removes the oldest, so that `keep` are left.
    pub fn drop_oldest(&self, keep: usize) -> io::Result<()> {
        let surplus = self.dated.len().saturating_sub(keep);
        let mut oldest = self.dated.iter().take(surplus);
        oldest.try_for_each(|(_, path)| fs::remove_file(path).map_err(|why| naming(path, why)))
    }
}

/// Where a backup is made until it is checked.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    named_beside(path, UNFINISHED)
}

/// `orders-20261122T100000.redb`.
pub(in crate::store) fn name_of(at: Timestamp) -> String {
    format!("orders-{}.redb", at.to_compact())
}

/// Removes the unfinished backups in a folder. A folder that does not exist yet has none.
pub(in crate::store) fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let backup = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED));
        if backup.and_then(moment_of).is_some() {
            remove_and_log(&entry.path());
        }
    }
}

/// Removes a download that was never sent, finished or not.
pub(in crate::store) fn remove_download(path: &Path) {
    remove_and_log(path);
    remove_and_log(&unfinished(path));
}

fn remove_and_log(path: &Path) {
    match remove_leftover(path) {
        Ok(true) => log::warn!("removed {}, left of a backup that was cut off", path.display()),
        Ok(false) => {}
        Err(why) => log::error!("{} can't be removed: {why}", path.display()),
    }
}

/// Returns whether a file was removed. One that another process still writes is locked, by us or
/// by the library, and stays.
fn remove_leftover(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Ok(false),
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    match fs::File::open(path)?.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(why)) => Err(why),
        Ok(()) => fs::remove_file(path).map(|()| true),
    }
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

/// When a backup was made, by its name; none where the name is not one of ours.
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
