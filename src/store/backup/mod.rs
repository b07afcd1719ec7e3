//! Backups: what one read transaction sees, copied into a new file that is checked before
//! it gets its name.
//!
//! The live file must never be copied as a file: its pages change while it is read.
//!
//! The copy is made as fast as it goes, since pages that are freed while its transaction is
//! open can't be used again, and the live file grows. The check holds no transaction, and
//! gives way to everything else.

mod file;

use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redb::{
    Builder, Database, Durability, Key, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, TableDefinition, Value,
};

use self::file::BackupFile;
use super::OpenError;
use super::Store;
use super::check::Check;
use super::database::commit_nothing;
use super::migrations;
use super::schema::{self, VERSION};
use crate::error::{Error, Result};
use crate::sys::files::{named_beside, sync_folder_of};
use crate::sys::process;

/// Follows the name of a backup that is being made.
pub(super) const UNFINISHED: &str = ".unfinished";
/// Memory for pages of the copy, in bytes.
const CACHE_BYTES: usize = 4 * 1024 * 1024;
/// Rows that share a transaction of the copy; few in tests, so that a copy takes several.
const ROWS_PER_TRANSACTION: usize = if cfg!(test) { 100 } else { 32_000 };
/// A store that has committed so lately is in use.
const IN_USE: Duration = Duration::from_millis(100);

/// A backup that has been made, reopened and checked.
#[derive(Debug)]
pub struct BackupReport {
    pub path: PathBuf,
    pub bytes: u64,
    pub rows: u64,
    pub took: Duration,
}

/// One backup at a time, and none once the service stops.
#[derive(Debug, Default)]
pub(super) struct BackupLock {
    taken: AtomicBool,
    stopping: Arc<AtomicBool>,
}

/// Freed when it is dropped.
pub(super) struct BackupPermit<'a>(&'a AtomicBool);

impl BackupLock {
    fn take(&self) -> Result<BackupPermit<'_>> {
        match self.taken.swap(true, Ordering::AcqRel) {
            true => Err(Error::Conflict("A backup is under way")),
            false => Ok(BackupPermit(&self.taken)),
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

impl Drop for BackupPermit<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Store {
    /// Copies what is committed now to `path`, of mode 0600, and puts it there only once
    /// it is synced, reopened, checked and its rows counted. A file that is there already
    /// is replaced by it. Writes go on meanwhile.
    ///
    /// # Errors
    /// `Conflict` while another backup is under way; `Unavailable` at a stop; `Internal`
    /// where the copy can't be written or does not pass its check.
    pub fn back_up_to(&self, path: &Path) -> Result<BackupReport> {
        let _turn = self.backups.take()?;
        let unfinished = named_beside(path, UNFINISHED);
        let done = self.make(&unfinished, path);
        if done.is_err() {
            // It may never have been made; what is left goes before the next.
            let _ = fs::remove_file(&unfinished);
        }
        done.map_err(|why| if self.backups.is_stopping() { stopped() } else { why })
    }

    /// Ends the backup under way, and lets none begin.
    pub fn stop_backups(&self) {
        self.backups.stopping.store(true, Ordering::Release);
    }

    fn make(&self, unfinished: &Path, path: &Path) -> Result<BackupReport> {
        let started = Instant::now();
        let stopping = self.backups.stopping.clone();
        let file = BackupFile::create(unfinished, stopping).map_err(Error::internal)?;
        let rows = self.copy_into(&file)?;
        self.check_aside(&file)?;
        let bytes = file.sync_all().map_err(Error::internal)?;
        fs::rename(unfinished, path).map_err(Error::internal)?;
        sync_folder_of(path).map_err(Error::internal)?;
        Ok(BackupReport { path: path.to_owned(), bytes, rows, took: started.elapsed() })
    }

    fn copy_into(&self, file: &BackupFile) -> Result<u64> {
        let source = self.database.begin_read()?;
        let copy = builder().create_with_backend(file.clone()).map_err(Error::internal)?;
        let rows = copy_all(&source, &copy, &self.backups)?;
        drop(source);
        commit_nothing(&copy)?;
        Ok(rows)
    }

    /// On a thread of its own, for whatever time the orders leave over.
    fn check_aside(&self, file: &BackupFile) -> Result<()> {
        let committer = self.committer.clone();
        let file = file.resting_while(move || committer.committed_within(IN_USE));
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
        match opened.and_then(check) {
            Ok(found) if found.is_sound() => Ok(()),
            Ok(found) => Err(Error::Internal(format!("the backup is damaged: {:?}", found.faults))),
            // It is why nothing could be read.
            Err(_) if self.backups.stopping.load(Ordering::Acquire) => Err(stopped()),
            Err(why) => Err(Error::internal(why)),
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn stopped() -> Error {
    Error::busy("the service is stopping")
}

/// Removes a file that a process which died has left amid a backup. One that somebody
/// still writes is locked, by the library too, and stays. Gives whether it is gone now.
///
/// # Errors
/// It is there, and can't be opened or removed.
pub(super) fn remove_leftover(path: &Path) -> io::Result<bool> {
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

/// Checks a file that no process has open: the library's own checksums first, then
/// whether its rows hang together. What a crash left is repaired by opening it.
pub fn check_file(path: &Path) -> std::result::Result<Check, OpenError> {
    check(builder().open(path)?)
}

fn check(mut database: Database) -> std::result::Result<Check, OpenError> {
    match migrations::version_of(&database)? {
        VERSION => {}
        found if found > VERSION => return Err(OpenError::Newer { found }),
        found => return Err(OpenError::Older { found }),
    }
    let whole = database.check_integrity()?;
    let unreadable = |why: String| OpenError::Unreadable(why);
    let read = database.begin_read().map_err(|why| unreadable(why.to_string()))?;
    let mut check = Check::of(&read).map_err(|why| unreadable(why.to_string()))?;
    if !whole {
        check.fault("the file's structure had to be repaired".into());
    }
    Ok(check)
}

/// Copies every table; gives how many rows there are, the same on both sides.
fn copy_all(source: &ReadTransaction, copy: &Database, backups: &BackupLock) -> Result<u64> {
    let known = source.list_tables().map_err(Error::storage)?.count();
    let mut copier = Copier { source, copy, backups, tables: 0, rows: 0 };
    copier.table(schema::META)?;
    copier.table(schema::USERS)?;
    copier.table(schema::USERNAMES)?;
    copier.table(schema::EMAILS)?;
    copier.table(schema::ORDERS)?;
    copier.table(schema::ORDERS_BY_USER)?;
    copier.table(schema::ORDERS_BY_HOUR)?;
    copier.table(schema::IDEMPOTENCY)?;
    copier.table(schema::IDEMPOTENT_ORDERS)?;
    copier.table(schema::MAILS_PENDING)?;
    copier.table(schema::MAILS_SENT)?;
    copier.table(schema::MAILS_DEAD)?;
    copier.table(schema::MAILS_DUE)?;
    if copier.tables != known {
        let why = format!("version {VERSION} has {known} tables, and {} copied", copier.tables);
        return Err(Error::Internal(why));
    }
    Ok(copier.rows)
}

struct Copier<'a> {
    source: &'a ReadTransaction,
    copy: &'a Database,
    backups: &'a BackupLock,
    tables: usize,
    rows: u64,
}

impl Copier<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        let from = self.source.open_table(definition).map_err(Error::storage)?;
        let mut rows = from.iter().map_err(Error::storage)?.peekable();
        let mut copied = 0;
        loop {
            let mut transaction = self.copy.begin_write().map_err(Error::internal)?;
            // The whole file is synced at the end, before anyone relies on it.
            transaction.set_durability(Durability::None).map_err(Error::internal)?;
            {
                let mut to = transaction.open_table(definition).map_err(Error::internal)?;
                let end = Bound::<K::SelfType<'_>>::Unbounded;
                let mut end = to.upper_bound_mut(end).map_err(Error::internal)?;
                for row in rows.by_ref().take(ROWS_PER_TRANSACTION) {
                    let (key, value) = row.map_err(Error::storage)?;
                    end.insert_before(key.value(), value.value()).map_err(Error::internal)?;
                    copied += 1;
                }
                end.close().map_err(Error::internal)?;
            }
            transaction.commit().map_err(Error::internal)?;
            if self.backups.is_stopping() {
                return Err(stopped());
            }
            if rows.peek().is_none() {
                break;
            }
        }
        self.count(definition, from.len().map_err(Error::storage)?, copied)
    }

    fn count<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
        expected: u64,
        copied: u64,
    ) -> Result<()> {
        let transaction = self.copy.begin_read().map_err(Error::internal)?;
        let table = transaction.open_table(definition).map_err(Error::internal)?;
        let found = table.len().map_err(Error::internal)?;
        if found != expected || copied != expected {
            let why = format!("{expected} rows, {copied} read, {found} in the copy");
            return Err(Error::Internal(why));
        }
        self.tables += 1;
        self.rows += found;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::{EmailAddress, MessageId, NewOrder, Outcome, Role, Username};
    use crate::metrics::Metrics;
    use crate::store::{CreateUser, PlaceOrder};

    #[test]
    fn tables_that_take_several_transactions_are_copied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, clock) = (folder.path().join("orders.redb"), Clock::system());
        let store = Store::open(&path, clock.clone(), &Metrics::new()).unwrap();
        let user = CreateUser {
            username: Username::parse("ann").unwrap(),
            email: EmailAddress::parse("ann@example.com").unwrap(),
            role: Role::User,
            password_hash: "$scrypt$".into(),
            at: clock.now(),
        };
        let user = store.write(user).unwrap().id;
        // One transaction less a row, full ones, and one row more.
        let mut placed = 0;
        for count in [99, 100, 200, 201] {
            while placed < count {
                let place = PlaceOrder {
                    user,
                    order: NewOrder { outcome: Outcome::Successful },
                    message_id: MessageId(format!("{placed}@example.com")),
                    at: clock.now(),
                    idempotency: None,
                };
                store.write(place).unwrap();
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
        let stopping = store.backups.stopping.clone();
        let file = BackupFile::create(&folder.path().join("copy"), stopping).unwrap();
        store.copy_into(&file).unwrap();
        store.check_copy(&file).unwrap();
        store.stop_backups();
        assert!(store.check_copy(&file).is_err());
    }
}
