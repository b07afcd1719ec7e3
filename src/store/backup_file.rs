//! The file that a backup is made in, and checked in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use redb::StorageBackend;

use crate::sys::files::create_private;

/// New, of mode 0600, and locked from its first byte until it has its name: whoever finds
/// it can tell that it is being made. Clones are the same file.
///
/// Once the service stops nothing can be read from it, so that a check of any length
/// ends: the library's own, which asks nobody, too.
///
/// Whoever works on it rests between: each read looks whether it is time.
#[derive(Clone, Debug)]
pub(super) struct BackupFile {
    file: Arc<File>,
    stopping: Arc<AtomicBool>,
    rested_at: Arc<Mutex<Instant>>,
}

/// A rest comes when work has gone on for so long.
const STINT: Duration = Duration::from_millis(2);
/// It takes so many times as long as the work, so that orders hardly notice. Not more: while
/// a copy is made its snapshot keeps the live file from using freed pages again, and a file
/// that grows costs orders more than the copying does.
const REST_FACTOR: u32 = 3;
/// A stop, and a sync that took long, wait no longer.
const MAX_REST: Duration = Duration::from_millis(200);

impl BackupFile {
    pub fn create(path: &Path, stopping: Arc<AtomicBool>) -> io::Result<BackupFile> {
        let file = create_private(path)?;
        // Where the disk knows no locks, it is made without.
        let _ = file.try_lock();
        let rested_at = Arc::new(Mutex::new(Instant::now()));
        Ok(BackupFile { file: Arc::new(file), stopping, rested_at })
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Rests, if it is time.
    pub fn rest(&self) {
        let mut rested_at = self.rested_at.lock().unwrap_or_else(PoisonError::into_inner);
        let worked = rested_at.elapsed();
        if worked >= STINT {
            thread::sleep((worked * REST_FACTOR).min(MAX_REST));
            *rested_at = Instant::now();
        }
    }

    /// Bytes.
    pub fn sync_all(&self) -> io::Result<u64> {
        self.file.sync_all()?;
        Ok(self.file.metadata()?.len())
    }
}

/// The lock is held already, so the library takes none.
impl StorageBackend for BackupFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.is_stopping() {
            return Err(io::Error::other("the service is stopping"));
        }
        self.rest();
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
}
