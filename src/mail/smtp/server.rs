//! Which SMTP server to talk to, and how.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::SmtpTls;

#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: SmtpTls,
    /// PEM roots to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub credentials: Option<Credentials>,
    pub timeouts: Timeouts,
}

#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

/// How long each step of a session may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    /// One command and its reply, the greeting, the TLS handshake.
    pub step: Duration,
    /// The content and its final reply. Servers scan the content before they reply, and a
    /// client that gives up too early sends the message twice (RFC 5321, 4.5.3.2.6).
    pub content: Duration,
    pub quit: Duration,
    /// What a step may still take after a stop, while a message is under way.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(10),
            step: Duration::from_secs(30),
            content: Duration::from_secs(120),
            quit: Duration::from_secs(5),
            stop: Duration::from_secs(3),
        }
    }
}
