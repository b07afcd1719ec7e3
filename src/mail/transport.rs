//! The two ways to deliver messages: to an SMTP server, or as files in a folder.

use std::io;

use crate::clock::Timestamp;
use crate::config::Config;
use crate::sys::stop::Stop;

use super::delivery::Delivery;
use super::folder::Folder;
use super::message::Message;
use super::smtp::{Credentials, Server, Smtp, SmtpSession, Timeouts};

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
            // Brackets around an IPv6 address are for URLs, not for sockets.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: config.smtp_port,
            security: config.smtp_tls,
            ca_file: config.smtp_ca_file.clone(),
            credentials: credentials.map(|(username, password)| Credentials {
                username: username.clone(),
                password: password.expose().to_owned(),
            }),
            timeouts: Timeouts::default(),
        };
        Ok(Transport::Smtp(Box::new(Smtp::new(server)?)))
    }

    /// Connects, or creates the folder. The transport's timeouts bound it, and a stop ends it
    /// at once.
    ///
    /// # Errors
    /// One line that says what failed; nothing has been sent.
    pub fn open(&self, stop: &Stop) -> Result<Session<'_>, String> {
        match self {
            Transport::Smtp(smtp) => smtp.open(stop).map(Session::Smtp),
            Transport::Folder(folder) => folder.open().map(|()| Session::Folder(folder)),
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
