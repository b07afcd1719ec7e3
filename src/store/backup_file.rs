//! The file that a backup is made in, and checked in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use crate::sys::files::create_private;

/// New, of mode 0600, and locked from its first byte until it has its name: whoever finds
/// it can tell that it is being made. Clones are the same file.
///
/// Once the service stops nothing can be read from it, so that a check of any length
/// ends: the library's own, which asks nobody, too.
#[derive(Clone, Debug)]
pub(super) struct BackupFile {
    file: Arc<File>,
    stopping: Arc<AtomicBool>,
}

impl BackupFile {
    pub fn create(path: &Path, stopping: Arc<AtomicBool>) -> io::Result<BackupFile> {
        let file = create_private(path)?;
        // Where the disk knows no locks, it is made without.
        let _ = file.try_lock();
        Ok(BackupFile { file: Arc::new(file), stopping })
    }

    /// Gives its length, in bytes.
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
        if self.stopping.load(Ordering::Acquire) {
            return Err(io::Error::other("the service is stopping"));
        }
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
