//! Mail: what an order's letter says, and how it leaves the host.
//!
//! A [`Letter`] is the data, [`Templates`] turn it into a [`Message`], and a
//! [`Transport`] delivers messages one session at a time. [`retry`] says whether and when
//! to try again, and the [`Sender`] brings all of it to the store's outbox.

mod address;
mod file;
mod letter;
mod pace;
pub mod retry;
mod sender;
mod smtp;
mod step;
mod templates;
mod tls;
mod transport;

pub use file::Folder;
pub use letter::{Letter, Message};
pub use sender::{Mailer, Round, Running, Sender};
pub use smtp::{Credentials, Limits, Server, Smtp, SmtpSession};
pub use templates::Templates;
pub use transport::{Delivery, Session, Transport};
