//! Which SMTP server to talk to, and how.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::SmtpTls;

#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: SmtpTls,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub credentials: Option<Credentials>,
    /// Our name in EHLO; without one our address in brackets (RFC 5321, 4.1.3).
    pub helo: Option<String>,
    pub timeouts: Timeouts,
}

#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

/// How long each step of a session may take (RFC 5321, 4.5.3.2).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The name's lookup, and connections to all its addresses.
    pub connect: Duration,
    /// One command and its reply, the greeting, the TLS handshake.
    pub step: Duration,
    /// The reply to the message. Servers scan it before they reply, and a client that gives up
    /// too early sends the message twice.
    pub content: Duration,
    pub quit: Duration,
    /// What a session may still take after a stop, to end the message under way.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(30),
            step: Duration::from_secs(5 * 60),
            content: Duration::from_secs(10 * 60),
            quit: Duration::from_secs(5),
            stop: Duration::from_secs(3),
        }
    }
}
