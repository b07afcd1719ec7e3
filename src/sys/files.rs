//! Files that are private to their owner, and names that outlive a crash.
//!
//! What root makes in somebody's folder is given to that somebody: otherwise the service, which
//! runs as its own user, couldn't use what a command run by root has left.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown,
};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

/// Of a folder that is made for the database: what lies in it is its owner's alone.
pub const DATA_FOLDER_MODE: u32 = 0o700;
/// The owner writes the log, and the group may read it.
const LOG_MODE: u32 = 0o640;
/// Links that are followed one after the other; Linux follows as many.
const MAX_LINKS: usize = 40;

/// An empty file that only its owner may read. What has the name already is removed
/// first: a file that is merely emptied keeps its mode, and whoever has it open.
///
/// # Errors
/// The name can't be freed, or somebody else takes it meanwhile.
pub fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    give_to_owner_of_folder(&file, path);
    Ok(file)
}

/// Opens a file to append to, or makes one of mode 0640, whatever the umask.
///
/// # Errors
/// Also where the path is a pipe that nobody reads: writing to it would wait for ever.
pub fn open_log(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Opening a pipe that nobody reads would wait, too.
    options.append(true).mode(LOG_MODE).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match options.create_new(true).open(path) {
        Ok(made) => {
            made.set_permissions(Permissions::from_mode(LOG_MODE))?;
            give_to_owner_of_folder(&made, path);
            made
        }
        Err(why) if why.kind() == ErrorKind::AlreadyExists => {
            options.create_new(false).open(path).map_err(|why| explain_pipe(path, why))?
        }
        Err(why) => return Err(why),
    };
    fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}

fn explain_pipe(path: &Path, why: io::Error) -> io::Error {
    let is_pipe = fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    if is_pipe && why.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
        return io::Error::new(why.kind(), "it is a pipe, and nobody reads it");
    }
    why
}

/// Takes from a log what more than its owner's and its group's reading is allowed. One that is
/// somebody else's stays as it is.
pub fn close_log_to_others(path: &Path) {
    if let Ok(found) = fs::metadata(path) {
        let mode = found.mode() & 0o7777;
        if mode & !LOG_MODE != 0 {
            let _ = fs::set_permissions(path, Permissions::from_mode(mode & LOG_MODE));
        }
    }
}

/// Makes a folder, and those that it lies in. One that exists is left as it is.
///
/// # Errors
/// They begin with the path of the folder that can't be made.
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    make_folder(folder_of(path), mode)?;
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {
            if let Some((user, group)) = owner_to_be(path) {
                let _ = chown(path, Some(user), Some(group));
            }
            Ok(())
        }
        // Another process has made it meanwhile.
        Err(why) if why.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(why) => Err(naming(path, why)),
    }
}

/// Makes a file in a folder, and removes it again. A full disk is no error, since it is no fault
/// of the folder.
pub fn try_folder(folder: &Path) -> io::Result<()> {
    // Drawn, since a process id is no name of its own: containers that share a folder may have the
    // same one.
    let drawn = getrandom::u64().map_err(io::Error::other)?;
    let trial = folder.join(format!(".orderd-trial-{drawn:016x}"));
    match create_private(&trial) {
        Ok(_) => fs::remove_file(&trial),
        Err(why) if why.kind() == ErrorKind::StorageFull => Ok(()),
        Err(why) => Err(why),
    }
}

/// The path, and what each link leads to that has to be followed from there: the last one is the
/// name of the file itself, which need not exist. Whoever replaces a file replaces it there, so
/// that a link stays a link.
pub fn follow_links(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![path.to_owned()];
    for _ in 0..MAX_LINKS {
        let last = paths.last().map_or(path, PathBuf::as_path);
        match fs::read_link(last) {
            Ok(target) => paths.push(folder_of(last).join(target)),
            Err(_) => break,
        }
    }
    paths
}

/// The name of the file itself where `path` is a link, even to a file that does not exist.
pub fn real_path(path: &Path) -> PathBuf {
    follow_links(path).pop().unwrap_or_else(|| path.to_owned())
}

/// Gives a file the owner and the mode that another one had.
///
/// # Errors
/// The owner is another user, and this process is not root's.
pub fn take_over(file: &File, from: &fs::Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (from.uid(), from.gid()) {
        fchown(file, Some(from.uid()), Some(from.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(from.mode() & 0o7777))
}

/// Where the file system has no owners, the file is used as it is.
pub fn give_to_owner_of_folder(file: &File, path: &Path) {
    if let Some((user, group)) = owner_to_be(path) {
        let _ = fchown(file, Some(user), Some(group));
    }
}

/// User and group of what root makes at `path`; none for everybody else, who owns it already.
fn owner_to_be(path: &Path) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let folder = fs::metadata(folder_of(path)).ok()?;
    Some((folder.uid(), folder.gid()))
}

/// The same error, which says what path it is about.
pub fn naming(path: &Path, why: io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("{}: {why}", path.display()))
}

/// `orders.redb` and a suffix of `.new` make `orders.redb.new`, in the same folder.
pub fn named_beside(path: &Path, suffix: impl AsRef<OsStr>) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// The folder that a file lies in; the working directory for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the folder, if it isn't there yet, and tries whether this process may write to it.
///
/// # Errors
/// It can't be made, or not be written to. A full disk is no error: it may have room again.
pub fn make_writable_folder(folder: &Path) -> io::Result<()> {
    /// What lies in it is not for every user of the host.
    const MODE: u32 = 0o750;
    match make_folder(folder, MODE) {
        Err(why) if why.kind() == ErrorKind::StorageFull => Ok(()),
        Err(why) => Err(why),
        Ok(()) => try_folder(folder),
    }
}

/// A new or changed name is on disk only once its folder is.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    sync_folder(folder_of(path))
}

pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether `path` is a socket that belongs to this process's user, or to the owner of
/// `beside`: what is sent there must not reach anybody else.
///
/// # Errors
/// There is no such file, or it can't be looked at.
pub fn is_trusted_socket(path: &Path, beside: &Path) -> io::Result<bool> {
    let socket = fs::symlink_metadata(path)?;
    let is_own = socket.uid() == rustix::process::geteuid().as_raw();
    let is_owners = || fs::metadata(beside).is_ok_and(|file| file.uid() == socket.uid());
    Ok(socket.file_type().is_socket() && (is_own || is_owners()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_private_file_takes_no_mode_over_from_what_was_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.new");
        fs::write(&path, "left by a crash").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let made = create_private(&path).unwrap().metadata().unwrap();
        assert_eq!((made.mode() & 0o777, made.len()), (0o600, 0));
    }

    #[test]
    fn a_name_beside_another_keeps_all_of_it() {
        let beside = |path: &str| named_beside(Path::new(path), ".new");
        assert_eq!(beside("data/orders.key"), Path::new("data/orders.key.new"));
        assert_eq!(beside("orders"), Path::new("orders.new"));
    }

    #[test]
    fn a_link_leads_to_the_file_itself_even_where_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let join = |name: &str| folder.path().join(name);
        symlink("second", join("first")).unwrap();
        symlink(join("file"), join("second")).unwrap();
        assert_eq!(follow_links(&join("first")), ["first", "second", "file"].map(join));
        symlink("circle", join("circle")).unwrap();
        assert_eq!(real_path(&join("circle")), join("circle"));
    }
}
