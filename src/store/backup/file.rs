//! The file that a backup is written to, and checked in.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use parking_lot::Mutex;
use redb::StorageBackend;

use crate::error::Error;
use crate::sys::files::create_private;
use crate::sys::stop::Stop;

/// A new file of mode 0600. It is locked while it is written, so that whoever finds it can tell
/// that somebody is at work on it. Clones are the same file.
///
/// Once `stop` is set, every read fails: this ends even a check of the library's own, which
/// knows no stop.
#[derive(Clone, Debug)]
pub(super) struct BackupFile {
    file: Arc<File>,
    stop: Stop,
    throttle: Option<Arc<Throttle>>,
}

/// Makes a reader pause after each short time of work while the store is in use.
struct Throttle {
    is_in_use: Box<dyn Fn() -> bool + Send + Sync>,
    pace: Mutex<Pace>,
}

struct Pace {
    working_since: Instant,
    /// How long all further pauses together may be.
    pause_left: Duration,
}

/// A pause is so many times as long as the work before it.
const PAUSE_FACTOR: u32 = 5;
/// The work between two pauses: long enough that falling asleep is a small part of it, and
/// shorter than a commit.
const MIN_WORK: Duration = Duration::from_millis(1);
/// On a slow disk one read may take longer than this; no more of it counts as work.
const MAX_WORK: Duration = Duration::from_millis(20);
/// A client waits for the backup, behind a proxy that may give up after a minute.
const MAX_PAUSE: Duration = Duration::from_secs(20);

impl BackupFile {
    pub fn create(path: &Path, stop: Stop) -> io::Result<BackupFile> {
        let file = create_private(path)?;
        // Some file systems have no locks; the backup is made there too.
        let _ = file.try_lock();
        Ok(BackupFile { file: Arc::new(file), stop, throttle: None })
    }

    /// The same file, for a reader that pauses again and again while `is_in_use` is true.
    pub fn throttled_while(
        &self,
        is_in_use: impl Fn() -> bool + Send + Sync + 'static,
    ) -> BackupFile {
        let pace = Mutex::new(Pace { working_since: Instant::now(), pause_left: MAX_PAUSE });
        let throttle = Throttle { is_in_use: Box::new(is_in_use), pace };
        BackupFile { throttle: Some(Arc::new(throttle)), ..self.clone() }
    }

    pub fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Its lock calls do nothing: `create` has taken the lock already.
impl StorageBackend for BackupFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.stop.is_set() {
            return Err(io::Error::other(Error::stopping()));
        }
        if let Some(throttle) = &self.throttle {
            throttle.pause_if_due();
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

impl Throttle {
    fn pause_if_due(&self) {
        let mut pace = self.pace.lock();
        let worked = pace.working_since.elapsed();
        if worked < MIN_WORK {
            return;
        }
        if (self.is_in_use)() {
            let pause = pace.pause_left.min(worked.min(MAX_WORK) * PAUSE_FACTOR);
            thread::sleep(pause);
            pace.pause_left -= pause;
        }
        pace.working_since = Instant::now();
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttle")
    }
}
