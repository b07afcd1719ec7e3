//! Files that are private to their owner, and names that outlive a crash.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// An empty file that only its owner may read. What has the name already is removed
/// first: a file that is merely emptied keeps its mode, and whoever has it open.
///
/// # Errors
/// The name can't be freed, or somebody else takes it meanwhile.
pub fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path),
    }
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

/// Makes the folder, if it isn't there yet, and asks whether this process may write to it. A
/// full disk is no error: it may have room again later.
pub fn make_writable_folder(folder: &Path) -> io::Result<()> {
    /// What lies in it is not for every user of the host.
    const MODE: u32 = 0o750;
    match DirBuilder::new().recursive(true).mode(MODE).create(folder) {
        Err(why) if why.kind() == io::ErrorKind::StorageFull => return Ok(()),
        made => made?,
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_takes_no_mode_over_from_what_was_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.new");
        fs::write(&path, "left by a crash").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let made = create_private(&path).unwrap().metadata().unwrap();
        assert_eq!((made.permissions().mode() & 0o777, made.len()), (0o600, 0));
    }

    #[test]
    fn a_name_beside_another_keeps_all_of_it() {
        let beside = |path: &str| named_beside(Path::new(path), ".new");
        assert_eq!(beside("data/orders.key"), Path::new("data/orders.key.new"));
        assert_eq!(beside("orders"), Path::new("orders.new"));
    }
}
