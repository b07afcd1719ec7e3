//! The SMTP client: one session, many messages, a timeout on every step (RFC 5321).
//!
//! A step that fails says what its failure ends. Only a recipient or a content can be refused
//! for good. A server that refuses us (greeting, EHLO, STARTTLS, AUTH, MAIL FROM) fails the
//! session, and every message left is deferred.

mod address;
mod client;
mod connect;
mod server;
mod session;
mod step;
mod tls;

pub use client::Smtp;
pub use server::{Credentials, Server, Timeouts};
pub use session::SmtpSession;
