//! Tries the folders that the service writes to, before it starts.

use std::path::Path;

use crate::sys::files::{
    DATA_FOLDER_MODE, folder_of, make_folder, make_writable_folder, real_path,
};

use super::error::Unusable;
use super::settings::Config;

impl Config {
    /// Makes the folders of mails, backups and the log, and asks whether they can be written to.
    ///
    /// # Errors
    /// The first that can't, with its setting.
    pub fn try_folders(&self) -> Result<(), Unusable> {
        // By default mails lie within the database's folder, which is closed to others than they
        // are: it is made first. Whoever opens the database tells why it can't be.
        let _ = make_folder(folder_of(&real_path(self.database_path())), DATA_FOLDER_MODE);
        if self.smtp_server.is_none() {
            try_folder("MAIL_DIR", &self.mail_dir)?;
        }
        if let Some(folder) = &self.backup_dir {
            try_folder("BACKUP_DIR", folder)?;
        }
        // Where the file is there already, it can be written to without its folder.
        if let Some(file) = self.log_path().filter(|file| !file.exists()) {
            try_folder("LOG_FILE", folder_of(file))?;
        }
        Ok(())
    }
}

fn try_folder(setting: &'static str, folder: &Path) -> Result<(), Unusable> {
    make_writable_folder(folder).map_err(|why| {
        Unusable::new(
            setting,
            format!("the folder {} can't be written to: {why}", folder.display()),
        )
    })
}
