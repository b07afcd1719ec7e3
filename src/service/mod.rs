//! The operations. Each takes its [`Caller`], and is authorised, logged and measured
//! here, once.

mod accounts;
mod api_keys;
mod backups;
mod caller;
mod client_limiter;
mod context;
mod events;
mod host;
mod limit;
mod limits;
mod operation;
mod order_writes;
mod orders;
mod outbox;
mod readiness;
mod state;
mod system;
mod trial;
mod waiters;
mod warning;
mod webhooks;

pub use accounts::{Login, NewAdmin};
pub use api_keys::{MadeApiKey, NewApiKey};
pub use backups::Download;
pub use caller::Caller;
pub use context::Context;
pub use events::{Feed, FeedQuery, PendingFeed};
pub use host::Status;
pub use limit::{ClientLimit, Limit, LimitState, UserLimit};
pub use limits::Limits;
pub use order_writes::{PendingChange, PendingOrder};
pub use orders::{OrderPage, OrderPages, OrderQuery};
pub use outbox::{Retried, RetryFilter};
pub use readiness::Readiness;
pub use state::{DOWNLOAD_FILE, Service};
pub use system::Health;
pub use waiters::Waiters;
pub use warning::Warning;
pub use webhooks::{Resolved, WebhookTest, WebhookView};
