//! The open file: made, checked, migrated; closed and opened again after an I/O error.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;
use std::{fmt, io};

use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, RepairSession};

use crate::error::{Error, Result};
use crate::store::migrations;
use crate::sys::files::{create_private, folder_of, named_beside, sync_folder};

/// Memory that redb may keep pages in, in bytes.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Where the database lies.
pub trait Storage: Send + Sync {
    /// Opens it, or makes it where it is not there. What can be read afterwards is on
    /// disk: what a process that died had written and not synced is synced first.
    fn open(&self, builder: &Builder) -> std::result::Result<Database, DatabaseError>;

    /// Called before it is opened, at a start and after an I/O error, and once it is closed,
    /// so that the next start has less to do. A sync that failed, of this process or of one
    /// that died, may have left pages in the system's cache that count as written and are not
    /// on disk: they must not be read again.
    fn forget_cached(&self) -> io::Result<()>;

    /// Bytes that can still be written, where that is known.
    fn free_bytes(&self) -> Option<u64>;
}

/// A file on a local disk.
pub struct FileStorage {
    path: PathBuf,
}

/// Why a database can't be used; prints as one line for the operator.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    Locked,
    /// Written by a later version of this program.
    Newer {
        found: u64,
    },
    /// Written by an earlier version, where it is only to be read.
    Older {
        found: u64,
    },
    Io(String),
    /// Not a database, or one that is damaged.
    Unreadable(String),
}

/// The database while it is open. Whoever reads takes a transaction and lets go of the
/// lock at once, so that closing never waits for a slow reader.
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

    pub fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*guard {
            Some(database) => act(database),
            None => Err(Error::storage("it is closed, or being opened again")),
        }
    }

    /// Drops the database and opens it again: the way back after an I/O error, which
    /// makes every later write of that handle fail. Meanwhile nobody reads: that may take
    /// as long as a repair does, and no thread is to wait for it.
    pub fn reopen(&self) -> Result<()> {
        self.close();
        self.storage.forget_cached().map_err(Error::storage)?;
        let database = open_database(&*self.storage).map_err(Error::storage)?;
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok(())
    }

    /// Opens it again if the last attempt has failed.
    pub fn ensure_open(&self) -> Result<()> {
        let is_open = self.database.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_open { Ok(()) } else { self.reopen() }
    }

    pub fn close(&self) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Drops the system's cache of the file, as far as the system lets it.
    pub fn forget_cached(&self) {
        if let Err(why) = self.storage.forget_cached() {
            log::warn!("the system's cache of the store stays: {why}");
        }
    }

    /// Never waits: while it is being opened again it is not closed.
    pub fn is_closed(&self) -> bool {
        self.database.try_read().is_ok_and(|database| database.is_none())
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

/// Commits an empty transaction, in the way that lets the file open at once after a
/// crash. It costs two syncs, and tells whether the disk takes a write.
pub(super) fn commit_nothing(database: &Database) -> Result<()> {
    let mut transaction = database.begin_write().map_err(Error::storage)?;
    transaction.set_quick_repair(true);
    transaction.commit().map_err(Error::storage)
}

/// Fails after an I/O error of this handle, a reader's too. No I/O.
pub(super) fn check_handle(database: &Database) -> Result<()> {
    database.try_begin_write().map(drop).map_err(Error::storage)
}

/// Logs how far a repair has come, once it has taken a second and at most once in each.
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

impl FileStorage {
    pub fn new(path: &Path) -> FileStorage {
        FileStorage { path: path.to_owned() }
    }

    fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// Makes the file under another name, so that a crash in the middle leaves nothing that
    /// looks like a database and is none.
    fn create(&self, builder: &Builder) -> std::result::Result<(), DatabaseError> {
        let lock = CreationLock::take(&self.path)?;
        if !lock.is_made()? {
            self.create_under_lock(builder)?;
        }
        Ok(())
    }

    fn create_under_lock(&self, builder: &Builder) -> std::result::Result<(), DatabaseError> {
        let folder = self.folder();
        let unfinished = named_beside(&self.path, ".new");
        create_private(&unfinished)?;
        drop(builder.create(&unfinished)?);
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        sync_folder(folder)?;
        if let Some(above) = folder.canonicalize()?.parent() {
            sync_folder(above)?;
        }
        Ok(())
    }
}

/// The right to put a database in a place where there is none, until it is dropped. One
/// process at a time: another's rename would put its file in the place of one that is
/// served already.
///
/// The lock's file goes only once there is a database: whoever has it open still, or
/// makes it anew, finds that database under the lock. One that is left does no harm.
pub struct CreationLock {
    path: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl CreationLock {
    /// Makes the folder too. Nobody waits for it: the other process goes on to use the
    /// database.
    fn take(path: &Path) -> std::result::Result<CreationLock, DatabaseError> {
        fs::create_dir_all(folder_of(path))?;
        let lock = named_beside(path, ".lock");
        let held = OpenOptions::new().write(true).create(true).truncate(false).open(&lock)?;
        match held.try_lock() {
            Ok(()) => Ok(CreationLock { path: path.to_owned(), lock, _held: held }),
            Err(TryLockError::WouldBlock) => Err(DatabaseError::DatabaseAlreadyOpen),
            Err(TryLockError::Error(why)) => Err(why.into()),
        }
    }

    /// Whether there is a database; if not, there will be none but by whoever has it.
    pub fn is_made(&self) -> io::Result<bool> {
        is_made(&self.path)
    }
}

impl Drop for CreationLock {
    fn drop(&mut self) {
        if self.is_made().unwrap_or(false) {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// # Errors
/// `Locked` while another process has it.
pub fn lock_creation(path: &Path) -> std::result::Result<CreationLock, OpenError> {
    Ok(CreationLock::take(path)?)
}

/// An empty file counts as none: somebody has reserved the name.
fn is_made(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len() > 0),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// Keeps every other process from opening the file until it is dropped.
pub struct FileLock {
    _database: Database,
}

pub fn lock_file(path: &Path) -> std::result::Result<FileLock, OpenError> {
    Ok(FileLock { _database: Database::open(path)? })
}

impl Storage for FileStorage {
    fn open(&self, builder: &Builder) -> std::result::Result<Database, DatabaseError> {
        if !is_made(&self.path)? {
            self.create(builder)?;
        }
        File::open(&self.path)?.sync_all()?;
        builder.open(&self.path)
    }

    fn forget_cached(&self) -> io::Result<()> {
        match File::open(&self.path) {
            Ok(file) => crate::sys::disk::forget_cached(&file),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(why) => Err(why),
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        crate::sys::disk::free_bytes(self.folder())
    }
}

impl From<DatabaseError> for OpenError {
    fn from(error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => OpenError::Locked,
            DatabaseError::Storage(redb::StorageError::Io(why)) => match why.kind() {
                io::ErrorKind::InvalidData => OpenError::Unreadable(why.to_string()),
                _ => OpenError::Io(why.to_string()),
            },
            other => OpenError::Unreadable(other.to_string()),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked => f.write_str(
                "the database is in use by another process; stop that one first, \
                 or give this one another DATABASE_URL",
            ),
            OpenError::Newer { found } => write!(
                f,
                "the database has schema version {found}, and this program knows up to {}; \
                 use the version of orderd that wrote it, or a later one",
                super::schema::VERSION
            ),
            OpenError::Older { found } => write!(
                f,
                "the database has schema version {found}, and this program checks {}; \
                 the service migrates it when it starts, and then it can be checked",
                super::schema::VERSION
            ),
            OpenError::Io(why) => f.write_str(why),
            OpenError::Unreadable(why) => {
                write!(f, "not a database of orderd, or a damaged one: {why}")
            }
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

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
    fn of_many_first_starts_at_once_one_has_the_database_and_the_others_hear_it_is_in_use() {
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
}
