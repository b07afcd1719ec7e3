//! Everything that turns a mail of the outbox into a delivered message.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, EmailFrom, SettingError};
use crate::domain::Mail;

use super::delivery::Delivery;
use super::message::Message;
use super::smtp::check_ca_file;
use super::templates::Templates;
use super::transport::{Session, Transport};

pub struct Mailer {
    pub templates: Templates,
    pub from: EmailFrom,
    pub transport: Transport,
    /// How long message files are kept.
    pub keep: Duration,
    /// 0 = no cap. It holds for the sender's thread; a single
    /// `Sender::step` goes as fast as it can.
    pub max_per_second: u32,
}

impl Mailer {
    /// # Errors
    /// One line: a template, or the certificates.
    pub fn new(config: &Config) -> Result<Mailer, String> {
        Ok(Mailer {
            templates: Templates::load(config.templates_dir.as_deref())?,
            from: config.email_from.clone(),
            transport: Transport::new(config)?,
            keep: Duration::from_secs(u64::from(config.mail_keep_days) * 86_400),
            max_per_second: config.mail_max_per_second,
        })
    }

    /// Tries what the operator's own files can make fail, before anything is opened or written:
    /// the templates and the certificates.
    ///
    /// # Errors
    /// The setting that names the file, and what is wrong with it.
    pub fn check(config: &Config) -> Result<(), SettingError> {
        let refused = |setting: &str, path: &Option<PathBuf>, allowed: String| SettingError {
            setting: setting.to_owned(),
            value: path.as_deref().unwrap_or(Path::new("")).display().to_string(),
            allowed,
        };
        Templates::load(config.templates_dir.as_deref())
            .map_err(|why| refused("TEMPLATES_DIR", &config.templates_dir, why))?;
        check_ca_file(config.smtp_ca_file.as_deref())
            .map_err(|why| refused("SMTP_CA_FILE", &config.smtp_ca_file, why))
    }

    /// Composes the message and sends it through the session.
    pub fn deliver(&self, session: &mut Session<'_>, mail: &Mail) -> Delivery {
        match Message::compose(mail, &self.from, &self.templates) {
            Ok(message) => session.send(&message),
            Err(text) => Delivery::Deferred { text },
        }
    }
}
