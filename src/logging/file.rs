//! The file that the log is written to. A plain file is rotated; a device or a pipe is written to
//! as it is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys::files::{
    close_log_to_others, folder_of, follow_links, make_folder, named_beside, open_log, try_folder,
};

/// Of a folder that is made for the log.
const FOLDER_MODE: u32 = 0o750;

/// Size past which the file is rotated, in bytes.
const ROTATE_BYTES: u64 = 10 * 1024 * 1024;
/// Rotated files kept beside the current one: `app.log.1` is the newest.
const KEPT_FILES: u64 = 5;
/// Size at which a file that can't be rotated begins anew, in bytes: as much as all files of one
/// that can be.
const MAX_BYTES: u64 = ROTATE_BYTES * (KEPT_FILES + 1);

pub struct LogFile {
    path: PathBuf,
    /// None where the last attempt to open it failed; the next write tries again.
    open: Option<Open>,
}

struct Open {
    file: File,
    /// None for a device or a pipe.
    rotation: Option<Rotation>,
}

struct Rotation {
    /// The file's own name, where the log's path is a link.
    path: PathBuf,
    /// Size of the file, in bytes.
    bytes: u64,
    /// The size at which it is rotated, or the next attempt to do so is made.
    due_bytes: u64,
}

impl LogFile {
    /// Makes the folder too.
    ///
    /// # Errors
    /// The file can't be opened. A full disk is no error: the file is opened once it can be.
    pub fn open(path: &Path) -> io::Result<LogFile> {
        let path = std::path::absolute(path)?;
        let open = match Open::at(&path) {
            Err(why) if why.kind() == io::ErrorKind::StorageFull => None,
            opened => Some(opened?),
        };
        Ok(LogFile { path, open })
    }

    /// Opens the path again: what was moved away is made anew.
    pub fn reopen(&mut self) -> io::Result<()> {
        // Where this fails, the lines that follow still go where they went.
        self.open = Some(Open::at(&self.path)?);
        Ok(())
    }

    /// Whether the file can be rotated, as far as can be tried.
    ///
    /// # Errors
    /// Why it can't.
    pub fn try_rotation(&self) -> io::Result<()> {
        match self.open.as_ref().and_then(|open| open.rotation.as_ref()) {
            Some(rotation) => try_folder(folder_of(&rotation.path)),
            None => Ok(()),
        }
    }

    /// # Errors
    /// The text may be written in part.
    pub fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(Open::at(&self.path)?),
        };
        open.rotate_if_due(&self.path)?;
        open.file.write_all(text)?;
        if let Some(rotation) = &mut open.rotation {
            rotation.bytes += text.len() as u64;
        }
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Open> {
        let paths = follow_links(path);
        let real = paths.last().cloned().unwrap_or_else(|| path.to_owned());
        make_folder(folder_of(&real), FOLDER_MODE)?;
        // The log may be a link to /dev/stdout, and that again to whatever the process was given.
        let is_given =
            paths.iter().any(|path| path.starts_with("/dev") || path.starts_with("/proc"));
        if is_given {
            return Ok(Open { file: open_log(path)?, rotation: None });
        }
        let file = open_log(&real)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Ok(Open { file, rotation: None });
        }
        // Earlier versions let everybody read them.
        close_log_to_others(&real);
        (1..=KEPT_FILES).for_each(|number| close_log_to_others(&numbered(&real, number)));
        let rotation = Rotation { path: real, bytes: found.len(), due_bytes: ROTATE_BYTES };
        Ok(Open { file, rotation: Some(rotation) })
    }

    /// # Errors
    /// The new file can't be opened, or the old one can't be emptied.
    fn rotate_if_due(&mut self, path: &Path) -> io::Result<()> {
        let Some(rotation) = &mut self.rotation else { return Ok(()) };
        if rotation.bytes < rotation.due_bytes {
            return Ok(());
        }
        // Somebody may have emptied it.
        rotation.bytes = self.file.metadata()?.len();
        if rotation.bytes < rotation.due_bytes {
            return Ok(());
        }
        if let Err(why) = rotation.shift(&self.file) {
            return rotation.go_on(&self.file, &why);
        }
        *self = Open::at(path)?;
        Ok(())
    }
}

impl Rotation {
    /// Renames `app.log` to `app.log.1`, that to `app.log.2`, and so on.
    fn shift(&self, file: &File) -> io::Result<()> {
        // It was moved away, or another process that writes to it has rotated it.
        if !is_at(file, &self.path)? {
            return Ok(());
        }
        for number in (1..KEPT_FILES).rev() {
            match fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1)) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(&self.path, 1))
    }

    /// The log must neither end nor grow for ever where it can't be rotated.
    fn go_on(&mut self, file: &File, why: &io::Error) -> io::Result<()> {
        let path = self.path.display();
        log::error!("{path} can't be rotated, and begins anew at {MAX_BYTES} bytes: {why}");
        if self.bytes >= MAX_BYTES {
            file.set_len(0)?;
            self.bytes = 0;
        }
        self.due_bytes = self.bytes + ROTATE_BYTES;
        Ok(())
    }
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    named_beside(path, format!(".{number}"))
}

/// Whether the open file is the one that has this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;
    use std::thread;

    use super::*;

    /// Writes at least so many bytes; `last` ends the last write.
    fn write(log: &mut LogFile, bytes: u64, last: &str) {
        let piece = b"0123456789abcde\n".repeat(1 << 14);
        let pieces = bytes.div_ceil(piece.len() as u64);
        for _ in 1..pieces {
            log.write_all(&piece).unwrap();
        }
        let rest = if pieces > 0 { piece } else { Vec::new() };
        log.write_all(&[&rest, last.as_bytes(), b"\n"].concat()).unwrap();
    }

    fn is_last(path: &Path, last: &str) -> bool {
        fs::read_to_string(path).unwrap().trim_end().ends_with(last)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_plain_file_is_rotated_through_a_link_and_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (link, real) = (folder.path().join("log"), folder.path().join("deep/app.log"));
        symlink("deep/app.log", &link).unwrap();
        let mut log = LogFile::open(&link).unwrap();
        for number in 0..=KEPT_FILES + 2 {
            write(&mut log, ROTATE_BYTES, &format!("line {number}"));
        }
        assert!(is_last(&real, "line 7") && is_last(&numbered(&real, 5), "line 2"));
        assert!(!numbered(&real, 6).exists());
        assert!(link.is_symlink() && !numbered(&link, 1).exists());
        assert_eq!((mode(&real), mode(&numbered(&real, 1))), (0o640, 0o640));
    }

    /// A pipe, and no device of the system's: were it renamed, everybody on the host would miss it.
    #[test]
    fn what_is_no_plain_file_is_written_to_and_never_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let both_ends = File::options().read(true).write(true).open(&path).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        let expected = 2 * ROTATE_BYTES + 1;
        let reader = thread::spawn(move || {
            io::copy(&mut io::Read::take(both_ends, expected), &mut io::sink()).unwrap()
        });
        write(&mut log, 2 * ROTATE_BYTES, "");
        // The reader ends only where it has been given all of it.
        assert!(path.exists() && !numbered(&path, 1).exists());
        assert_eq!(reader.join().unwrap(), expected);
    }

    #[test]
    fn a_log_that_can_not_be_rotated_goes_on_within_the_same_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::write(numbered(&path, 4), "").unwrap();
        fs::create_dir(numbered(&path, 5)).unwrap();
        let mut log = LogFile::open(&path).unwrap();
        write(&mut log, 2 * ROTATE_BYTES, "still here");
        assert!(is_last(&path, "still here"));
        write(&mut log, MAX_BYTES, "the last");
        assert!(is_last(&path, "the last"));
        assert!(fs::metadata(&path).unwrap().len() < MAX_BYTES + ROTATE_BYTES);
    }

    #[test]
    fn what_was_moved_away_or_emptied_is_not_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("app.log"), folder.path().join("moved"));
        let mut log = LogFile::open(&path).unwrap();
        write(&mut log, ROTATE_BYTES, "old");
        File::create(&path).unwrap();
        write(&mut log, 0, "new");
        assert!(!numbered(&path, 1).exists());
        write(&mut log, ROTATE_BYTES, "full");
        fs::rename(&path, &moved).unwrap();
        fs::write(&path, "somebody's\n").unwrap();
        write(&mut log, 0, "beside");
        assert!(is_last(&moved, "full") && is_last(&path, "beside"));
        assert!(!numbered(&path, 1).exists());
    }

    #[test]
    fn a_log_that_everybody_could_read_is_closed_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        for path in [&path, &numbered(&path, 1)] {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        LogFile::open(&path).unwrap();
        assert_eq!((mode(&path), mode(&numbered(&path, 1))), (0o640, 0o640));
    }
}
