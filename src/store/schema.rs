//! The tables.
//!
//! ```text
//! meta            name                 → number         see [`meta`]
//! users           user id              → UserRecord
//! usernames       folded name          → user id        unique
//! emails          folded address       → user id        unique
//! orders          order id             → OrderRecord    and its mail, until that is first tried
//! orders_by_user  (user id, order id)  → ()
//! orders_by_hour  hour since 1970      → (least, largest order id placed in it), see below
//! idempotency     (user id, key)       → order id
//! idempotent_orders  order id          → key            rows of idempotency by age
//! mails_pending   mail id              → PendingRecord ┐ a mail that was tried is in exactly
//! mails_sent      mail id              → SentRecord    │ one of these; its id is its order's
//! mails_dead      mail id              → DeadRecord    ┘
//! mails_due       (due µs, mail id)    → ()             one row for each pending mail
//! ```
//!
//! `orders_by_hour` is a coarse index by time that is written twice an hour: the range that
//! orders come into now ends at [`OPEN_END`], and is closed when another hour's is opened. Ids
//! rise with time but for a clock that is set back, and a range holds whatever the clock did.
//!
//! A mail that nobody has tried has no row of its own: orders come much faster than mail goes,
//! and each table more costs a commit a fifth. `mails_taken_up_to` in `meta` is the last order
//! whose mail has left its row; since ids rise, what lies behind is what nobody has tried.
//!
//! Records are described in `records`. A change of either is a new [`VERSION`] and a
//! step in `migrations`.

use redb::TableDefinition;

/// What this program writes. Older files are migrated when opened, newer ones refused.
pub const VERSION: u64 = 3;

pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
pub(super) const USERS: TableDefinition<u64, &[u8]> = TableDefinition::new("users");
pub(super) const USERNAMES: TableDefinition<&str, u64> = TableDefinition::new("usernames");
pub(super) const EMAILS: TableDefinition<&str, u64> = TableDefinition::new("emails");
pub(super) const ORDERS: TableDefinition<u64, &[u8]> = TableDefinition::new("orders");
pub(super) const ORDERS_BY_USER: TableDefinition<(u64, u64), ()> =
    TableDefinition::new("orders_by_user");
pub(super) const ORDERS_BY_HOUR: TableDefinition<u64, (u64, u64)> =
    TableDefinition::new("orders_by_hour");
pub(super) const IDEMPOTENCY: TableDefinition<(u64, &str), u64> =
    TableDefinition::new("idempotency");
pub(super) const IDEMPOTENT_ORDERS: TableDefinition<u64, &str> =
    TableDefinition::new("idempotent_orders");
pub(super) const MAILS_PENDING: TableDefinition<u64, &[u8]> = TableDefinition::new("mails_pending");
pub(super) const MAILS_SENT: TableDefinition<u64, &[u8]> = TableDefinition::new("mails_sent");
pub(super) const MAILS_DEAD: TableDefinition<u64, &[u8]> = TableDefinition::new("mails_dead");
pub(super) const MAILS_DUE: TableDefinition<(u64, u64), ()> = TableDefinition::new("mails_due");

pub(super) const SECS_PER_HOUR: u64 = 3600;
/// Ends the one range of `orders_by_hour` that is still growing.
pub(super) const OPEN_END: u64 = u64::MAX;

pub(super) mod meta {
    pub const SCHEMA_VERSION: &str = "schema_version";
    /// The id of the user whose password is still the published default, or absent.
    pub const DEFAULT_PASSWORD_USER: &str = "default_password_user";
    /// When a commit was last tried out, in seconds since 1970.
    pub const LAST_TRIAL: &str = "last_trial";
    /// Mails sent before that moment, in µs since 1970, may have been pruned. Absent: none.
    pub const MAILS_PRUNED_BEFORE: &str = "mails_pruned_before";
    /// The last order whose mail is not in the order's own row any more; 0 before the first.
    pub const MAILS_TAKEN_UP_TO: &str = "mails_taken_up_to";
}
