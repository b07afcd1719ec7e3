//! Backups: the rows that one read transaction sees, copied into a new file. The file gets its
//! final name only after it was checked.
//!
//! The store's own file must never be copied as a file: its pages change while it is read.
//!
//! The copy is made as fast as possible: pages that are freed while its transaction is open can't
//! be used again, so the store's file grows meanwhile. The check holds no transaction and lets
//! everything else go first.

mod copy;
mod file;
pub(super) mod folder;
pub(super) mod lock;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use redb::Builder;

use self::copy::copy_all;
use self::file::BackupFile;
use super::check::check_database;
use super::database::commit_nothing;
use super::engine::Store;
use super::open_error::OpenError;
use crate::error::{Error, Result};
use crate::sys::files::{naming, real_path, sync_folder_of};
use crate::sys::process;

/// Memory for pages of the copy, in bytes.
const CACHE_BYTES: usize = 4 * 1024 * 1024;
/// A store counts as in use for so long after a commit.
const IN_USE: Duration = Duration::from_millis(100);

/// A backup that has been made and checked.
#[derive(Debug)]
pub struct BackupReport {
    pub path: PathBuf,
    pub rows: u64,
    pub took: Duration,
}

impl Store {
    /// Writes what is committed now to `path`, with mode 0600. The file appears there only once
    /// it is synced, opened again, checked and its rows counted; it replaces a file that is
    /// there already. Writes go on meanwhile.
    ///
    /// # Errors
    /// `Conflict` while another backup is under way; `Unavailable` once backups are stopped;
    /// `Internal` where the copy can't be written or does not pass its check.
    pub fn back_up_to(&self, path: &Path) -> Result<BackupReport> {
        let _permit = self.backup_lock.try_take()?;
        let path = real_path(path);
        let unfinished = folder::unfinished(&path);
        let made = self.make_backup(&unfinished, &path);
        if made.is_err() {
            // It may not exist. What can't be removed now is removed before the next backup.
            let _ = fs::remove_file(&unfinished);
        }
        made.map_err(|why| if self.backup_stop.is_set() { Error::stopping() } else { why })
    }

    /// Ends the backup under way, and lets none begin.
    pub fn stop_backups(&self) {
        self.backup_stop.set();
    }

    fn make_backup(&self, unfinished: &Path, path: &Path) -> Result<BackupReport> {
        let started = Instant::now();
        let stop = self.backup_stop.clone();
        let file = BackupFile::create(unfinished, stop)
            .map_err(|why| Error::internal(naming(unfinished, why)))?;
        let rows = self.copy_into(&file)?;
        self.check_beside_orders(&file)?;
        file.sync_all().map_err(Error::internal)?;
        fs::rename(unfinished, path)
            .and_then(|()| sync_folder_of(path))
            .map_err(|why| Error::internal(naming(path, why)))?;
        Ok(BackupReport { path: path.to_owned(), rows, took: started.elapsed() })
    }

    fn copy_into(&self, file: &BackupFile) -> Result<u64> {
        let source = self.shared.database.begin_read()?;
        let copy = builder().create_with_backend(file.clone()).map_err(Error::internal)?;
        let rows = copy_all(&source, &copy, &self.backup_stop)?;
        drop(source);
        commit_nothing(&copy)?;
        Ok(rows)
    }

    /// Checks on a thread of its own, of low priority, which pauses while orders come.
    fn check_beside_orders(&self, file: &BackupFile) -> Result<()> {
        let shared = self.shared.clone();
        let file = file.throttled_while(move || shared.health.committed_within(IN_USE));
        thread::scope(|scope| {
            let check = || {
                process::give_way();
                self.check_copy(&file)
            };
            let thread = thread::Builder::new().name("backup-check".into());
            let thread = thread.spawn_scoped(scope, check).map_err(Error::internal)?;
            thread.join().map_err(|_| Error::Internal("the check of the backup panicked".into()))?
        })
    }

    fn check_copy(&self, file: &BackupFile) -> Result<()> {
        let opened = builder().create_with_backend(file.clone()).map_err(OpenError::from);
        match opened.and_then(check_database) {
            Ok(found) if found.is_sound() => Ok(()),
            Ok(found) => Err(Error::Internal(format!("the backup is damaged: {:?}", found.faults))),
            // The file gives nothing to read once backups are stopped.
            Err(_) if self.backup_stop.is_set() => Err(Error::stopping()),
            Err(why) => Err(Error::internal(why)),
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::{MessageId, Outcome};
    use crate::metrics::Metrics;
    use crate::store::check::check_file;
    use crate::store::writes::{CreateUser, PlaceOrder};

    #[test]
    fn tables_that_take_several_transactions_are_copied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, clock) = (folder.path().join("orders.redb"), Clock::system());
        let store = Store::open(&path, clock.clone(), &Metrics::new()).unwrap();
        let user = store.write(CreateUser::for_test("ann", clock.now())).unwrap().id;
        // One transaction less a row, full ones, and one row more.
        let mut placed = 0;
        for count in [99, 100, 200, 201] {
            while placed < count {
                let message_id = MessageId(format!("{placed}@example.com"));
                let outcome = Outcome::Successful;
                store.write(PlaceOrder::simple(user, outcome, message_id, clock.now())).unwrap();
                placed += 1;
            }
            let copy = folder.path().join(format!("{count}.redb"));
            store.back_up_to(&copy).unwrap();
            let check = check_file(&copy).unwrap();
            assert!(check.is_sound() && check.rows.contains(&("orders", count)), "{check:?}");
        }
    }

    #[test]
    fn a_stop_ends_the_check_of_a_copy_too() {
        let folder = tempfile::tempdir().unwrap();
        let (path, clock) = (folder.path().join("orders.redb"), Clock::system());
        let store = Store::open(&path, clock, &Metrics::new()).unwrap();
        let stop = store.backup_stop.clone();
        let file = BackupFile::create(&folder.path().join("copy"), stop).unwrap();
        store.copy_into(&file).unwrap();
        store.check_copy(&file).unwrap();
        store.stop_backups();
        assert!(store.check_copy(&file).is_err());
    }
}
