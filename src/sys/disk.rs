//! Room on a disk.

use std::path::Path;

/// Bytes that an ordinary user may still write on the disk that holds `path`; none
/// where the system doesn't say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
