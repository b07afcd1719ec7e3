//! The two ways out: an SMTP server, or files in a folder.

use std::io;

use crate::clock::Timestamp;
use crate::config::Config;

use super::file::Folder;
use super::letter::Message;
use super::smtp::{Credentials, Limits, Server, Smtp, SmtpSession};
use crate::sys::stop::Stop;

/// Longest reason that is kept, in characters.
const MAX_REASON_LEN: usize = 200;

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// The server said for good that it won't have this mail: a 5xx to RCPT TO or DATA.
    Rejected {
        code: u16,
        text: String,
    },
    /// It may work another time. The mail may have arrived all the same (at least once).
    Deferred {
        text: String,
    },
}

/// Where mail goes.
pub enum Transport {
    Smtp(Box<Smtp>),
    Folder(Folder),
}

/// An open way out. It carries as many messages as it is given, one after the other.
pub enum Session<'a> {
    Smtp(SmtpSession<'a>),
    Folder(&'a Folder),
}

impl Transport {
    /// The server that is set, or the folder. Connects to nothing and creates nothing.
    ///
    /// # Errors
    /// One line, where the certificates to trust can't be had.
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
            limits: Limits::default(),
        };
        Ok(Transport::Smtp(Box::new(Smtp::new(server)?)))
    }

    /// Connects, or creates the folder. Bounded by the transport's limits; a stop ends it at once.
    ///
    /// # Errors
    /// One line that says what failed; nothing has been sent.
    pub fn open(&self, stop: &Stop) -> Result<Session<'_>, String> {
        match self {
            Transport::Smtp(smtp) => smtp.open(stop).map(Session::Smtp),
            Transport::Folder(folder) => folder.open().map(|()| Session::Folder(folder)),
        }
    }
}

impl Transport {
    /// Removes mails in files that were written before `then`; a server keeps its own.
    pub fn prune(&self, then: Timestamp) -> io::Result<usize> {
        match self {
            Transport::Folder(folder) if folder.exists() => folder.prune(then),
            Transport::Folder(_) | Transport::Smtp(_) => Ok(0),
        }
    }
}

impl Session<'_> {
    /// Delivers one message. Once a session has broken, everything is deferred.
    pub fn send(&mut self, message: &Message) -> Delivery {
        match self {
            Session::Smtp(session) => session.send(message),
            Session::Folder(folder) => folder.store(message),
        }
    }

    /// True once it has broken on the way.
    pub fn is_over(&self) -> bool {
        match self {
            Session::Smtp(session) => session.is_over(),
            Session::Folder(_) => false,
        }
    }

    /// Says goodbye where that is the custom.
    pub fn close(self) {
        if let Session::Smtp(session) = self {
            session.close();
        }
    }
}

/// A reason as it can be logged and stored: one line, printable, short.
pub(super) fn reason(text: &str) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    text.trim().chars().map(printable).take(MAX_REASON_LEN).collect()
}
