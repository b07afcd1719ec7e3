//! This process: its memory and its descriptors.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Memory in use, in bytes; none where the system doesn't say.
pub fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Descriptors that are open; none where the system doesn't say.
pub fn open_fds() -> Option<u64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

/// Descriptors that may be open.
pub fn max_fds() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Takes as many descriptors as the system allows without asking.
pub fn raise_fd_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(why) = setrlimit(Resource::Nofile, most) {
        log::warn!("the limit of open files stays at {:?}: {why}", limit.current);
    }
}
