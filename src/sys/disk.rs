//! Room on a disk, and what the system remembers of a file.

use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes that an ordinary user may still write on the disk that holds `path`; none
/// where the system doesn't say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Size of a file, in bytes; none where it can't be asked for.
pub fn file_bytes(path: &Path) -> Option<u64> {
    Some(std::fs::metadata(path).ok()?.len())
}

/// Syncs the file, then has the system drop what it caches of it, so that the next read
/// is of the disk. After a sync that failed, Linux keeps the pages it could not write and
/// counts them as written.
pub fn forget_cached(file: &File) -> io::Result<()> {
    file.sync_all()?;
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}
