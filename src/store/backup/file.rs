//! The file that a backup is made in, and checked in.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

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
    rests: Option<Arc<Rests>>,
}

/// Work in short spells, each followed by a rest while there is something better to do.
struct Rests {
    is_due: Box<dyn Fn() -> bool + Send + Sync>,
    spell: Mutex<Spell>,
}

struct Spell {
    since: Instant,
    /// What all rests together may still take.
    rest: Duration,
}

/// A rest is so many times as long as the work before it.
const REST_FACTOR: u32 = 5;
/// Long enough that falling asleep costs little of it, and shorter than a commit takes.
const SPELL: Duration = Duration::from_millis(1);
/// What a slow disk made of a spell counts as work up to this.
const MAX_SPELL: Duration = Duration::from_millis(20);
/// Somebody waits for the backup, behind a proxy that may wait for a minute.
const MAX_REST: Duration = Duration::from_secs(20);

impl BackupFile {
    pub fn create(path: &Path, stopping: Arc<AtomicBool>) -> io::Result<BackupFile> {
        let file = create_private(path)?;
        // Where the disk knows no locks, it is made without.
        let _ = file.try_lock();
        Ok(BackupFile { file: Arc::new(file), stopping, rests: None })
    }

    /// The same file for a reader that rests again and again while `is_due` says so.
    pub fn resting_while(&self, is_due: impl Fn() -> bool + Send + Sync + 'static) -> BackupFile {
        let spell = Mutex::new(Spell { since: Instant::now(), rest: MAX_REST });
        let rests = Rests { is_due: Box::new(is_due), spell };
        BackupFile { rests: Some(Arc::new(rests)), ..self.clone() }
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
        if let Some(rests) = &self.rests {
            rests.rest_if_due();
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

impl Rests {
    fn rest_if_due(&self) {
        let mut spell = self.spell.lock().unwrap_or_else(PoisonError::into_inner);
        let worked = spell.since.elapsed();
        if worked < SPELL {
            return;
        }
        if (self.is_due)() {
            let rest = spell.rest.min(worked.min(MAX_SPELL) * REST_FACTOR);
            thread::sleep(rest);
            spell.rest -= rest;
        }
        spell.since = Instant::now();
    }
}

impl fmt::Debug for Rests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rests")
    }
}
