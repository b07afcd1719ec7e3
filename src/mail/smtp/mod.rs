//! The SMTP client: one session, many messages, a timeout on every step (RFC 5321).
//!
//! A step that fails says what its failure ends. Only a recipient can be refused for good. A
//! server that refuses us (greeting, EHLO, STARTTLS, AUTH, MAIL FROM) fails the session, and
//! every message left is deferred; what it says of a message that isn't about the recipient
//! defers that message.

mod address;
mod client;
mod connect;
mod dial;
mod dialogue;
mod login;
mod reply;
mod server;
mod session;
mod step;
mod tls;
mod transcript;
mod verdict;

pub use client::Smtp;
pub use server::{Credentials, Server, Timeouts};
pub use session::SmtpSession;
pub use tls::{check_ca_file, client_config};
pub use transcript::Transcript;
