//! Where the database is kept: how its file is made, opened, and locked while it is made.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError};

use super::open_error::OpenError;
use crate::sys::disk;
use crate::sys::files::{
    DATA_FOLDER_MODE, create_private, folder_of, give_to_owner_of_folder, make_folder,
    named_beside, naming, real_path, sync_folder,
};

/// What the database is kept on.
pub trait Storage: Send + Sync {
    /// Opens the database, or makes a new one where there is none. Everything that can be read
    /// afterwards is on disk: data that a process wrote and did not sync before it died is
    /// synced first.
    fn open(&self, builder: &Builder) -> std::result::Result<Database, DatabaseError>;

    /// Drops the system's cache of the file. It is called before the database is opened, because
    /// after a sync that failed the cache may hold pages that are not on disk although the system
    /// counts them as written: they must not be read again. It is also called after the database
    /// was closed, so that the next start has less to do.
    fn forget_cached(&self) -> io::Result<()>;

    /// How many bytes can still be written, where that is known.
    fn free_bytes(&self) -> Option<u64>;
}

/// A file on a local disk.
pub struct FileStorage {
    path: PathBuf,
}

impl FileStorage {
    /// Where `path` is a link, the database is what it leads to, which need not exist yet.
    pub fn new(path: &Path) -> FileStorage {
        FileStorage { path: real_path(path) }
    }

    fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// Makes the file under another name first, so that a crash in the middle never leaves half a
    /// database under the real name.
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
        create_private(&unfinished).map_err(|why| naming(&unfinished, why))?;
        drop(builder.create(&unfinished)?);
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &self.path).map_err(|why| naming(&unfinished, why))?;
        sync_folder(folder).map_err(|why| naming(folder, why))?;
        if let Some(above) = folder.canonicalize()?.parent() {
            sync_folder(above).map_err(|why| naming(above, why))?;
        }
        Ok(())
    }
}

/// The right to make a database where there is none, until it is dropped. One process at a time
/// has it: otherwise a second one could rename its new file over a database that the first one
/// serves already.
///
/// The lock's file is removed only once the database exists. A process that still has the removed
/// file open, or makes it again, then finds the database when it has the lock. A lock file that
/// is left over does no harm.
pub struct CreationLock {
    path: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl CreationLock {
    /// Makes the folder too. Does not wait for another process that has the lock, since that one
    /// goes on to use the database.
    fn take(path: &Path) -> std::result::Result<CreationLock, DatabaseError> {
        let path = real_path(path);
        make_folder(folder_of(&path), DATA_FOLDER_MODE)?;
        let lock = named_beside(&path, ".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let held = options.open(&lock).map_err(|why| naming(&lock, why))?;
        give_to_owner_of_folder(&held, &lock);
        match held.try_lock() {
            Ok(()) => Ok(CreationLock { path, lock, _held: held }),
            Err(TryLockError::WouldBlock) => Err(DatabaseError::DatabaseAlreadyOpen),
            Err(TryLockError::Error(why)) => Err(naming(&lock, why).into()),
        }
    }

    /// Whether there is a database. If not, only the owner of this lock makes one.
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
/// `Locked` while another process has the lock.
pub fn lock_creation(path: &Path) -> std::result::Result<CreationLock, OpenError> {
    Ok(CreationLock::take(path)?)
}

/// Whether there is a database. An empty file is none: somebody has only reserved the name.
fn is_made(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len() > 0),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// Keeps other processes from opening the database until it is dropped.
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
            Ok(file) => disk::forget_cached(&file),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(why) => Err(why),
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        disk::free_bytes(self.folder())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// It has looked for the database before it had the lock, and another was quicker.
    #[test]
    fn whoever_has_the_lock_late_leaves_the_database_that_another_has_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.redb");
        let storage = FileStorage::new(&path);
        let inode = || fs::metadata(&path).unwrap().ino();
        storage.create(&Builder::new()).unwrap();
        let made = inode();
        storage.create(&Builder::new()).unwrap();
        assert_eq!(inode(), made);
    }

    #[test]
    fn the_file_of_a_lock_stays_until_there_is_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.redb");
        let lock = named_beside(&path, ".lock");
        drop(lock_creation(&path).unwrap());
        assert!(lock.exists());
        FileStorage::new(&path).create(&Builder::new()).unwrap();
        assert!(!lock.exists());
    }
}
