//! The open database: closed and opened again after an I/O error.

use std::cell::Cell;
use std::time::Instant;

use parking_lot::RwLock;
use redb::{Database, ReadTransaction, ReadableDatabase, RepairSession};

use super::migrations;
use super::open_error::OpenError;
use super::storage::Storage;
use crate::error::{Error, Result};

/// Memory that redb may keep pages in, in bytes.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// The database while it is open. A reader holds the lock only while its transaction begins, so
/// that closing never waits for a slow reader.
pub(super) struct DatabaseHandle {
    storage: Box<dyn Storage>,
    database: RwLock<Option<Database>>,
}

impl DatabaseHandle {
    pub fn open(storage: Box<dyn Storage>) -> std::result::Result<DatabaseHandle, OpenError> {
        storage.forget_cached().map_err(|why| OpenError::Io(why.to_string()))?;
        let database = open_database(&*storage)?;
        Ok(DatabaseHandle { storage, database: RwLock::new(Some(database)) })
    }

    pub fn begin_read(&self) -> Result<ReadTransaction> {
        self.with(|database| database.begin_read().map_err(Error::storage))
    }

    /// # Errors
    /// `Unavailable` while the database is closed, or what `act` returns.
    pub fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        match &*self.database.read() {
            Some(database) => act(database),
            None => Err(Error::storage("it is closed, or being opened again")),
        }
    }

    /// Closes the database and opens it again. After an I/O error the library fails every later
    /// write of the open one. Opening may take as long as a repair; reads fail meanwhile, so that
    /// no thread waits for it.
    pub fn reopen(&self) -> Result<()> {
        self.close();
        self.storage.forget_cached().map_err(Error::storage)?;
        let database = open_database(&*self.storage).map_err(Error::storage)?;
        *self.database.write() = Some(database);
        Ok(())
    }

    /// Opens the database again if the last attempt has failed.
    pub fn ensure_open(&self) -> Result<()> {
        let is_open = self.database.read().is_some();
        if is_open { Ok(()) } else { self.reopen() }
    }

    pub fn close(&self) {
        *self.database.write() = None;
    }

    /// Drops the system's cache of the file, as far as the system allows it.
    pub fn forget_cached(&self) {
        if let Err(why) = self.storage.forget_cached() {
            log::warn!("the system's cache of the store can't be dropped: {why}");
        }
    }

    /// Never waits. False while the database is being opened or closed.
    pub fn is_closed(&self) -> bool {
        self.database.try_read().is_some_and(|database| database.is_none())
    }

    pub fn free_bytes(&self) -> Option<u64> {
        self.storage.free_bytes()
    }
}

fn open_database(storage: &dyn Storage) -> std::result::Result<Database, OpenError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder.set_repair_callback(repair_progress(Instant::now()));
    let database = storage.open(&builder)?;
    migrations::bring_up_to_date(&database)?;
    Ok(database)
}

/// Commits an empty transaction, after which the file opens quickly even if the process crashes.
/// It costs two syncs, and shows whether the disk takes a write.
pub(super) fn commit_nothing(database: &Database) -> Result<()> {
    let mut transaction = database.begin_write().map_err(Error::storage)?;
    transaction.set_quick_repair(true);
    transaction.commit().map_err(Error::storage)
}

/// Fails where this database has had an I/O error, in a write or in a read. Does no I/O itself.
pub(super) fn check_handle(database: &Database) -> Result<()> {
    database.try_begin_write().map(drop).map_err(Error::storage)
}

/// Logs the progress of a repair, at most once a second.
fn repair_progress(started: Instant) -> impl Fn(&mut RepairSession) + 'static {
    let logged_secs = Cell::new(0);
    move |session| {
        let elapsed_secs = started.elapsed().as_secs();
        if logged_secs.replace(elapsed_secs) < elapsed_secs {
            let percent = session.progress() * 100.0;
            log::warn!("repairing the database after a crash: {percent:.0}%, {elapsed_secs} s");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Barrier};
    use std::thread;

    use parking_lot::Mutex;
    use redb::{Builder, DatabaseError};

    use super::*;
    use crate::store::storage::{FileStorage, lock_creation};
    use crate::sys::files::named_beside;

    const STARTS: usize = 8;

    #[test]
    fn nobody_makes_a_database_while_another_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/orders.redb");
        let open = || DatabaseHandle::open(Box::new(FileStorage::new(&path)));
        let lock = lock_creation(&path).unwrap();
        assert!(matches!(open().map(drop), Err(OpenError::Locked)));
        assert!(matches!(lock_creation(&path).map(drop), Err(OpenError::Locked)));
        assert!(!lock.is_made().unwrap());
        drop(lock);
        open().unwrap().close();
        assert!(lock_creation(&path).unwrap().is_made().unwrap());
        assert!(!named_beside(&path, ".lock").exists());
    }

    #[test]
    fn of_many_first_starts_at_once_one_has_the_database_and_the_others_are_told_it_is_in_use() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("data/orders.redb");
            let (ready, done) = (Barrier::new(STARTS), Barrier::new(STARTS));
            let start = || {
                ready.wait();
                let opened = DatabaseHandle::open(Box::new(FileStorage::new(&path)));
                done.wait();
                opened.map(drop)
            };
            let endings: Vec<_> = thread::scope(|scope| {
                let starts: Vec<_> = (0..STARTS).map(|_| scope.spawn(start)).collect();
                starts.into_iter().map(|start| start.join().unwrap()).collect()
            });
            let won = endings.iter().filter(|ending| ending.is_ok()).count();
            let locked = |ending: &&_| matches!(ending, Err(OpenError::Locked));
            let lost = endings.iter().filter(locked).count();
            assert_eq!((won, lost), (1, STARTS - 1), "{endings:?}");
        }
    }

    /// A file that notes what is done with it.
    struct Noted {
        file: FileStorage,
        notes: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Storage for Noted {
        fn open(&self, builder: &Builder) -> std::result::Result<Database, DatabaseError> {
            self.notes.lock().push("opened");
            self.file.open(builder)
        }

        fn forget_cached(&self) -> io::Result<()> {
            self.notes.lock().push("forgotten");
            self.file.forget_cached()
        }

        fn free_bytes(&self) -> Option<u64> {
            None
        }
    }

    #[test]
    fn the_systems_cache_is_dropped_ahead_of_every_opening() {
        let folder = tempfile::tempdir().unwrap();
        let file = FileStorage::new(&folder.path().join("orders.redb"));
        let notes = Arc::new(Mutex::new(Vec::new()));
        let storage = Box::new(Noted { file, notes: Arc::clone(&notes) });
        let handle = DatabaseHandle::open(storage).unwrap();
        assert_eq!(*notes.lock(), ["forgotten", "opened"]);
        handle.reopen().unwrap();
        assert_eq!(*notes.lock(), ["forgotten", "opened", "forgotten", "opened"]);
    }
}
