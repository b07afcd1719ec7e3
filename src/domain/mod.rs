//! What a user, an order, an email address, a password *is*. No I/O. A value of one of these
//! types has been checked.

pub mod api_key;
pub mod country;
pub mod currency;
pub mod email;
pub mod event;
pub mod mail;
pub mod money;
pub mod network;
pub mod order;
pub mod password;
pub mod text;
pub mod unicode;
pub mod user;
pub mod webhook;

pub use api_key::{ApiKey, ApiKeyHash, ApiKeyId};
pub use country::Country;
pub use currency::Currency;
pub use email::EmailAddress;
pub use mail::{Mail, MailId, MailKind, MailState, MessageId};
pub use network::Network;
pub use order::{NewOrder, Order, OrderId, Outcome};
pub use password::Password;
pub use user::{NewUser, Role, User, UserId, Username};
pub use webhook::{Webhook, WebhookId};

/// The largest id: what a signed 64-bit integer holds, since many clients have no other.
pub const MAX_ID: u64 = i64::MAX as u64;
