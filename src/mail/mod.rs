//! Mail: what an order's mail says, and how it leaves the host.
//!
//! [`Templates`] turn a mail of the outbox into a [`Message`], and a [`Transport`] delivers
//! messages, many in one session. [`retry`] decides whether and when to try again. The
//! [`Sender`] does all of it for the mails that are due in the store.

mod delivery;
mod folder;
mod mailer;
mod message;
mod pace;
mod refusals;
pub mod retry;
mod round;
mod running;
mod sender;
mod smtp;
mod template_names;
mod template_source;
mod templates;
mod transport;
mod unclear;

pub use delivery::{Delivery, Unopened};
pub use folder::Folder;
pub use mailer::Mailer;
pub use message::Message;
pub use round::Round;
pub use running::Running;
pub use sender::Sender;
pub use smtp::{Credentials, Server, Smtp, SmtpSession, Timeouts};
pub use templates::Templates;
pub use transport::{Session, Transport};
