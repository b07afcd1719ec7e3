//! Everything that turns a mail of the outbox into a delivered message.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Unusable};
use crate::domain::Mail;

use super::delivery::Delivery;
use super::message::{Addresses, Message};
use super::smtp::check_ca_file;
use super::templates::Templates;
use super::transport::{Session, Transport};

/// Composes messages and delivers them.
pub struct Mailer {
    pub templates: Arc<Templates>,
    pub addresses: Addresses,
    pub transport: Transport,
    /// How long message files are kept.
    pub keep: Duration,
    /// 0 = no cap. It holds for the sender's thread; a single
    /// `Sender::step` goes as fast as it can.
    pub max_per_second: u32,
}

impl Mailer {
    /// # Errors
    /// A template, or the certificates.
    pub fn new(config: &Config) -> Result<Mailer, Unusable> {
        let templates = Templates::of(config)?;
        // Read also where no server is set, so that a fault of it shows before it is needed.
        let transport =
            check_ca_file(config.smtp_ca_file.as_deref()).and_then(|()| Transport::new(config));
        Ok(Mailer {
            templates: Arc::new(templates),
            addresses: Addresses::of(config),
            transport: transport.map_err(|why| Unusable::new("SMTP_CA_FILE", why))?,
            keep: Duration::from_secs(u64::from(config.mail_keep_days) * 86_400),
            max_per_second: config.mail_max_per_second,
        })
    }

    /// Composes the message and sends it through the session.
    pub fn deliver(&self, session: &mut Session<'_>, mail: &Mail) -> Delivery {
        match Message::compose(mail, &self.addresses, &self.templates) {
            Ok(message) => session.send(&message),
            Err(text) => Delivery::Deferred { text },
        }
    }
}
