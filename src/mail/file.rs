//! Mails as `.eml` files, where no server is set.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::clock::Timestamp;

use super::letter::Message;
use super::transport::{Delivery, reason};

/// Mails hold names and addresses: not for everyone on the host.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// The folder that mails are written to, one file each.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub fn new(dir: impl Into<PathBuf>) -> Folder {
        Folder { dir: dir.into() }
    }

    /// Creates the folder where there is none.
    ///
    /// # Errors
    /// One line with the folder's name.
    pub fn open(&self) -> Result<(), String> {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(&self.dir)
            .map_err(|error| reason(&format!("{}: {error}", self.dir.display())))
    }

    pub fn exists(&self) -> bool {
        self.dir.exists()
    }

    /// Writes `order-17-….eml`, whole and on disk or not at all. A repeat replaces its file.
    pub fn store(&self, message: &Message) -> Delivery {
        match self.write(message) {
            Ok(()) => Delivery::Delivered,
            Err(error) => {
                Delivery::Deferred { text: reason(&format!("{}: {error}", self.dir.display())) }
            }
        }
    }

    /// Removes the mails that were written before `then`, and gives how many. What else
    /// lies in the folder is nobody's to remove.
    pub fn prune(&self, then: Timestamp) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if is_ours(&entry.file_name()) && Timestamp::from(entry.metadata()?.modified()?) < then
            {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn write(&self, message: &Message) -> io::Result<()> {
        let unfinished = self.dir.join(format!(".{}.tmp", message.stem));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&unfinished)?;
        let written = file.write_all(&message.bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a mail is of no use, and its space may be what is missing.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, self.dir.join(format!("{}.eml", message.stem)))?;
        File::open(&self.dir)?.sync_all()
    }
}

/// `order-17-….eml`, and what a crash left of writing one.
fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let finished = name.starts_with("order-") && name.ends_with(".eml");
    finished || (name.starts_with(".order-") && name.ends_with(".tmp"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn message(bytes: &[u8]) -> Message {
        Message {
            stem: "order-17-f00d".into(),
            from: "a@b".into(),
            to: "c@d".into(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_mail_is_one_closed_file_and_a_repeat_replaces_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path().join("deep/mail"));
        folder.open().unwrap();
        assert_eq!(folder.store(&message(b"first")), Delivery::Delivered);
        assert_eq!(folder.store(&message(b"second")), Delivery::Delivered);

        let names: Vec<_> = fs::read_dir(&folder.dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, ["order-17-f00d.eml"]);
        let path = folder.dir.join("order-17-f00d.eml");
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
        assert_eq!(fs::metadata(&folder.dir).unwrap().permissions().mode() & 0o027, 0);
    }

    #[test]
    fn only_old_mails_are_pruned_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        folder.store(&message(b"mail"));
        fs::write(root.path().join("notes.eml"), b"not a mail of ours").unwrap();
        let written = fs::metadata(root.path().join("order-17-f00d.eml")).unwrap();
        let written = Timestamp::from(written.modified().unwrap());
        assert_eq!(folder.prune(written).unwrap(), 0);
        assert_eq!(folder.prune(written + std::time::Duration::from_secs(1)).unwrap(), 1);
        assert!(root.path().join("notes.eml").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_defers() {
        let root = tempfile::tempdir().unwrap();
        let occupied = root.path().join("mail");
        fs::write(&occupied, b"a file").unwrap();
        let folder = Folder::new(&occupied);
        assert!(folder.open().is_err());
        assert!(matches!(folder.store(&message(b"x")), Delivery::Deferred { .. }));
    }
}
