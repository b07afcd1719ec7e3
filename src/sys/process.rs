//! This process and its host: its memory, its descriptors, its beginning.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;
use std::{env, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Runs this program again in its own place, as the same process, with one variable more.
/// Returns where that can't be done: then it goes on as it is.
pub fn start_over(name: &str, value: &str) {
    let mut args = env::args_os();
    if let (Ok(program), Some(own_name)) = (env::current_exe(), args.next()) {
        let _ = Command::new(program).arg0(own_name).args(args).env(name, value).exec();
    }
}

/// What the host calls itself; none where that is not text.
pub fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// Whether stderr is the file of that device and inode; no where that can't be told.
pub fn is_stderr(device: u64, inode: u64) -> bool {
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let found = stderr.and_then(|stderr| stderr.metadata());
    found.is_ok_and(|found| (found.dev(), found.ino()) == (device, inode))
}

/// Memory in use, in bytes; none where the system doesn't say.
pub fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Descriptors that are open; none where the system doesn't say. Linux counts them since 6.2
/// (proc(5)).
pub fn open_fds() -> Option<u64> {
    Some(fs::metadata("/proc/self/fd").ok()?.len()).filter(|count| *count > 0)
}

/// The same, listed one by one: that takes time by how many clients have opened.
pub fn list_fds() -> Option<u64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

/// Processor time of all threads, in the system and outside.
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (secs, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default())
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

/// Lets every other thread go first, for good: only the administrator could take it back. So
/// it is for a thread of its own, and where threads have no priorities it does nothing.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    {
        const LAST: i32 = 19;
        // Where the system doesn't allow it, it goes on like the others.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LAST);
    }
}
