//! Users, orders and the outbox, in one file.
//!
//! Invariants:
//! - One thread at a time commits. It applies all writes that wait to one transaction, commits
//!   that durably, and only then gives the callers their results.
//! - A write reads and checks before it writes. A write that fails leaves nothing behind, and its
//!   caller gets the error only after everything that caused it is on disk.
//! - Whatever can be read is on disk, also after an I/O error or a crash.
//! - A read sees one moment (MVCC) and does not wait for a commit, except while the library syncs
//!   a file that has grown.
//! - No transaction is open while a thread waits for the network, a password hash or a client.
//!
//! Where things are: `engine` is what callers use. A write (`writes`) changes rows through
//! `write_txn`; `commit` collects writes into batches and commits them; reads are in `snapshot`.
//! `schema` draws the file's tables, `records` their values, `migrations` brings older files up to
//! date. `database` is the open file, `storage` where it is kept. `backup`, `check` and `upkeep`
//! look after it.

mod backup;
mod check;
mod commit;
mod database;
mod engine;
mod generation;
mod marks;
mod migrations;
mod open_error;
mod records;
mod schema;
mod snapshot;
mod storage;
mod upkeep;
mod wakeup;
mod write_txn;
mod writes;

pub use backup::BackupReport;
pub use backup::lock::{BackupLock, BackupPermit};
pub use check::{Check, check_file};
pub use commit::WriteHandle;
pub use engine::Store;
pub use open_error::OpenError;
pub use schema::VERSION as SCHEMA_VERSION;
pub use snapshot::counts::Counts;
pub use snapshot::due_mails::{DueMails, UnreadableMail};
pub use snapshot::events::{EventFilter, EventPage, FeedExtent, OldEvents};
pub use snapshot::mails::{DeadMails, MailFilter, MailPage, MailStatus};
pub use snapshot::orders::{Direction, OrderChunk, OrderFilter, Span};
pub use snapshot::users::TokenStatus;
pub use snapshot::webhooks::WebhookList;
pub use snapshot::{MAX_LOOKED_AT, PAGE_ROWS, Snapshot};
pub use storage::{CreationLock, FileLock, FileStorage, Storage, lock_creation, lock_file};
pub use upkeep::{BackupPlan, RunningUpkeep, Upkeep, UpkeepPlan};
pub use wakeup::{Bell, Wakeup};
pub use write_txn::Write;
pub use writes::{
    Attempt, AttemptEffect, ChangeOrder, ChangeWebhook, Changed, Condition, CreateApiKey,
    CreateFirstAdmin, CreateUser, CreateWebhook, DeleteWebhook, DisableWebhooks, EndTokens,
    Idempotency, LogOut, MailMark, MailPlace, MarkMails, NoteApiKeyUse, Notice, PassEvents,
    PassOrders, PlaceOrder, Placed, PruneEvents, QuarantineMail, RecordAttempt, Rehash,
    RememberNetwork, RenewSource, RetryMail, RetryMails, RevokeApiKey, RevokeApiKeys, SetDisabled,
    SetFeed, SetPassword, Trial, UpdateUser, WebhookChange, WebhookPosition,
};

use crate::error::Error;

impl Error {
    /// Nothing was written, because the disk or the file does not allow it.
    fn storage(cause: impl std::fmt::Display) -> Error {
        Error::busy(format!("the store is unavailable: {cause}"))
    }
}

impl From<redb::StorageError> for Error {
    fn from(cause: redb::StorageError) -> Error {
        Error::storage(cause)
    }
}

impl From<redb::TableError> for Error {
    fn from(cause: redb::TableError) -> Error {
        Error::storage(cause)
    }
}
