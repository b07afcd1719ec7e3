//! The writes: each reads and checks, then writes.

mod accounts;
mod api_keys;
mod changes;
mod events;
mod keys;
mod mails;
mod orders;
mod pruning;
#[cfg(test)]
mod tests;
mod trial;
mod webhooks;

pub use accounts::{
    CreateFirstAdmin, CreateUser, EndTokens, LogOut, Rehash, RememberNetwork, SetDisabled,
    SetPassword, UpdateUser,
};
pub use api_keys::{CreateApiKey, NoteApiKeyUse, PruneApiKeys, RevokeApiKey, RevokeApiKeys};
pub use changes::{ChangeOrder, Changed, Condition};
pub use events::{PruneEvents, RenewSource, SetFeed};
pub use keys::ForgetKeys;
pub use mails::{
    Attempt, MailMark, MailPlace, MarkMails, PassOrders, QuarantineMail, RetryMail, RetryMails,
};
pub use orders::{Idempotency, Notice, PlaceOrder, Placed};
pub use pruning::PruneSent;
pub use trial::Trial;
pub use webhooks::{
    AttemptEffect, ChangeWebhook, CreateWebhook, DeleteWebhook, DisableWebhooks, PassEvents,
    RecordAttempt, WebhookChange, WebhookPosition,
};
