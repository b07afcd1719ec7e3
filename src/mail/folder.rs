//! Messages as `.eml` files, where no mail server is configured.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::sys::files::{make_folder, sync_folder};

use super::delivery::{Delivery, short_reason};
use super::message::Message;

/// Messages hold names and addresses: not every user of the host may read them.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// The folder that messages are written to, one file each.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub fn new(dir: impl Into<PathBuf>) -> Folder {
        Folder { dir: dir.into() }
    }

    /// Creates the folder, unless it exists.
    ///
    /// # Errors
    /// One line with the path of what can't be made.
    pub fn open(&self) -> Result<(), String> {
        make_folder(&self.dir, FOLDER_MODE).map_err(|why| short_reason(&why.to_string()))
    }

    pub fn exists(&self) -> bool {
        self.dir.exists()
    }

    /// Writes `order-17-….eml` and syncs it; a file that can't be written whole is removed.
    /// Another attempt at the same mail replaces its file.
    pub fn store(&self, message: &Message) -> Delivery {
        match self.write(message) {
            Ok(()) => Delivery::Delivered,
            Err(error) => Delivery::Deferred {
                text: short_reason(&format!("{}: {error}", self.dir.display())),
            },
        }
    }

    /// Removes the messages that were written before `then`, and returns how many. Other
    /// files in the folder stay.
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
            // Half a message is of no use, and the disk may be full.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, self.dir.join(format!("{}.eml", message.stem)))?;
        sync_folder(&self.dir)
    }
}

/// Whether we wrote it: `order-17-….eml`, or the unfinished file that a crash left.
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
