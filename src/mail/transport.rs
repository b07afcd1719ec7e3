//! The two ways to deliver messages: to an SMTP server, or as files in a folder.

use std::io;

use crate::clock::Timestamp;
use crate::config::Config;
use crate::sys::process;
use crate::sys::stop::Stop;

use super::delivery::{Delivery, Unopened};
use super::folder::Folder;
use super::message::Message;
use super::smtp::{Credentials, Server, Smtp, SmtpSession, Timeouts, Transcript};

/// Where mail goes.
pub enum Transport {
    Smtp(Box<Smtp>),
    Folder(Folder),
}

/// An open transport. It delivers any number of messages, one after the other.
pub enum Session<'a> {
    Smtp(SmtpSession<'a>),
    Folder(&'a Folder),
}

impl Transport {
    /// The configured server, or the folder where there is none. Doesn't connect yet, and
    /// creates nothing.
    ///
    /// # Errors
    /// One line: the trusted certificates can't be loaded.
    pub fn new(config: &Config) -> Result<Transport, String> {
        let Some(host) = &config.smtp_server else {
            return Ok(Transport::Folder(Folder::new(&config.mail_dir)));
        };
        let credentials = config.email_user.as_ref().zip(config.email_pass.as_ref());
        let server = Server {
            host: host.clone(),
            port: config.smtp_port,
            security: config.smtp_tls,
            ca_file: config.smtp_ca_file.clone(),
            credentials: credentials.map(|(username, password)| Credentials {
                username: username.clone(),
                password: password.expose().to_owned(),
            }),
            helo: config.smtp_helo.clone().or_else(full_host_name),
            timeouts: Timeouts::default(),
        };
        Ok(Transport::Smtp(Box::new(Smtp::new(server)?)))
    }

    /// Shows the conversations of all further sessions; a folder has none.
    pub fn show_to(&mut self, transcript: Transcript) {
        if let Transport::Smtp(smtp) = self {
            smtp.show_to(transcript);
        }
    }

    /// Connects, or creates the folder. The transport's timeouts bound it, and a stop ends it
    /// at once.
    ///
    /// # Errors
    /// What failed; nothing has been sent.
    pub fn open(&self, stop: &Stop) -> Result<Session<'_>, Unopened> {
        match self {
            Transport::Smtp(smtp) => smtp.open(stop).map(Session::Smtp),
            Transport::Folder(folder) => match folder.open() {
                Ok(()) => Ok(Session::Folder(folder)),
                Err(text) => Err(Unopened { text, is_refusal: false }),
            },
        }
    }

    /// Removes message files that were written before `then`, and returns how many. On a
    /// mail server it does nothing.
    pub fn prune(&self, then: Timestamp) -> io::Result<usize> {
        match self {
            Transport::Folder(folder) if folder.exists() => folder.prune(then),
            Transport::Folder(_) | Transport::Smtp(_) => Ok(0),
        }
    }
}

/// The host's name, where it is one that EHLO may say: a full domain name (RFC 5321, 4.1.1.1). A
/// bare `shop1`, as most hosts are called, is refused by strict servers.
fn full_host_name() -> Option<String> {
    let name = process::host_name()?;
    let is_local = ["localhost", "local", "localdomain"]
        .iter()
        .any(|last| name.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case(last)));
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (name.contains('.') && !is_local && name.split('.').all(is_label)).then_some(name)
}

impl Session<'_> {
    /// Delivers one message. A broken session defers every message.
    pub fn send(&mut self, message: &Message) -> Delivery {
        match self {
            Session::Smtp(session) => session.send(message),
            Session::Folder(folder) => folder.store(message),
        }
    }

    /// True after a failure that ends the session.
    pub fn is_broken(&self) -> bool {
        match self {
            Session::Smtp(session) => session.is_broken(),
            Session::Folder(_) => false,
        }
    }

    /// Ends the session; an SMTP session says QUIT.
    pub fn close(self) {
        if let Session::Smtp(session) = self {
            session.close();
        }
    }
}
