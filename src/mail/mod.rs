//! Mail: what an order's letter says, and how it leaves the host.
//!
//! A [`Letter`] is the data, [`Templates`] turn it into a [`Message`], and a
//! [`Transport`] delivers messages one session at a time. Whether and when to
//! try again is [`retry`]'s to say; nothing here touches the store but the sender.

mod file;
mod letter;
mod mailbox;
pub mod retry;
mod smtp;
mod step;
mod stop;
mod templates;
mod tls;
mod transport;

pub use file::Folder;
pub use letter::{Letter, Message, Outcome};
pub use mailbox::Mailbox;
pub use smtp::{Credentials, Limits, Security, Server, Smtp, SmtpSession};
pub use stop::Stop;
pub use templates::Templates;
pub use transport::{Delivery, Session, Transport};
