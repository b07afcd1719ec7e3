//! Mail: what an order's mail says, and how it leaves the host.
//!
//! [`Templates`] turn a mail of the outbox into a [`Message`], and a [`Transport`] delivers
//! messages, many in one session. [`retry`] decides whether and when to try again. The
//! [`Sender`] does all of it for the mails that are due in the store.

mod delivery;
mod folder;
mod mailer;
mod message;
mod money;
mod pace;
mod refusals;
pub mod retry;
mod round;
mod running;
mod samples;
mod sender;
mod shop;
mod smtp;
mod template_names;
mod template_source;
mod templates;
mod text_helpers;
mod text_layout;
mod transport;
mod unclear;
mod variables;

pub use delivery::{Delivery, Unopened};
pub use folder::Folder;
pub use mailer::Mailer;
pub use message::{Addresses, Message};
pub use round::Round;
pub use running::Running;
pub use sender::Sender;
pub use shop::Shop;
pub use smtp::{
    Credentials, Server, Smtp, SmtpSession, Timeouts, Transcript, check_ca_file, client_config,
};
pub use templates::{Templates, Texts};
pub use transport::{Session, Transport};
