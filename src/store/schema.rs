//! The format of the file: every table, and from that list all that must know each of them.
//!
//! ```text
//! table              key                  value                       written by
//! ───────────────────────────────────────────────────────────────────────────────────────────
//! meta               name                 number                      see [`meta`]
//!
//! users              user id              UserRecord                  CreateUser, UpdateUser,
//!                                                                     SetPassword, Rehash,
//!                                                                     SetDisabled, LogOut,
//!                                                                     EndTokens
//! usernames          folded name          user id                     CreateUser, UpdateUser
//! emails             folded address       user id                     CreateUser, UpdateUser
//! known_networks     (user id, network)   last login, s since 1970    RememberNetwork
//! network_users      (network, user id)   ()                          with each row of
//!                                                                     known_networks
//! api_keys           key id               ApiKeyRecord                CreateApiKey, RevokeApiKey,
//!                                                                     RevokeApiKeys,
//!                                                                     NoteApiKeyUse;
//!                                                                     PruneApiKeys removes
//! api_key_hashes     SHA-256 of the key   key id                      with each row of api_keys
//! api_keys_by_user   (user id, key id)    ()                          with each row of api_keys
//!
//! orders             order id             OrderRecord, with its       PlaceOrder, ChangeOrder
//!                                         first mail until that is
//!                                         first tried
//! orders_by_user     (user id, order id)  ()                          PlaceOrder
//! orders_by_hour     hour since 1970      (first, last order id)      PlaceOrder, twice an hour
//! orders_open        (status, order id)   ()                          PlaceOrder, ChangeOrder
//! orders_by_         (reference, user id) order id                    PlaceOrder
//!   reference
//! order_words        (word, order id)     ()                          PlaceOrder, ChangeOrder
//! idempotency        (user id, key)       order id                    PlaceOrder; ForgetKeys removes
//! idempotent_orders  order id             key                         with each row of idempotency
//!
//! events             event id             EventRecord                 ChangeOrder; PruneEvents removes
//!
//! webhooks           webhook id           WebhookRecord               CreateWebhook, ChangeWebhook,
//!                                                                     RecordAttempt, PassEvents;
//!                                                                     DeleteWebhook removes
//! webhook_attempts   (webhook id, number) AttemptRecord               RecordAttempt, which removes
//!                                                                     the hundredth before
//!
//! mails_pending      mail id              PendingRecord               PlaceOrder, ChangeOrder,
//!                                                                     MarkMails, RetryMail
//! mails_due          (due µs, mail id)    ()                          with each row of mails_pending
//! mails_sent         mail id              SentRecord                  MarkMails; PruneSent removes
//! mails_dead         mail id              DeadRecord                  MarkMails, QuarantineMail;
//!                                                                     RetryMail removes
//! ```
//!
//! Ids rise and start at 1. The first mail of an order is in the order's row until it, or the
//! first mail of a later order, is first tried. From then on, and other mails always, a mail is in
//! exactly one of `mails_pending`, `mails_sent` and `mails_dead`. `mails_taken_up_to` in `meta` is
//! the last order whose mail has left the order's row.
//!
//! Why a mail starts in its order's row: orders come much faster than mails go out, and each
//! further table that a commit touches makes it a fifth slower. The row also has the largest mail
//! id that was given so far; it rises with the order's id, so that the order of a mail is found by
//! bisection (`marks`). In files from before version 5 a mail has the id of its order.
//!
//! `orders_open` has the orders that are pending, processing or ready, `orders_by_reference` and
//! `order_words` those that have a reference, or a customer. A simple order is in none of them.
//!
//! `orders_by_hour` is a coarse index by time. The range of the current hour ends at
//! [`OPEN_END`]; it is closed when the first order of another hour opens that hour's range. If
//! the clock is set back, ranges overlap, but every order still lies in the range of its hour.
//!
//! A user of a file from before version 4 has two rows in `usernames`: by the lower case of the
//! name, as names were compared then, and by its fold, unless that leads to an older user. So
//! names that are one name by now go on being two users, each found by its own spelling.
//!
//! In `idempotency` the operator, who is no user, has the number 0.
//!
//! `known_networks` are the few networks from which a user has last logged in, as
//! `Network::to_bits` has them.
//!
//! The events of changes have rows; that of an order's placing is in the order's own row, which
//! holds the largest event id that was given so far. Both are read as one list by id. Ids have no
//! gap, but for one each time the feed was turned on again. Events up to `events_pruned_up_to` in
//! `meta` don't count any more, though those of orders that were placed stay in their rows.
//!
//! The records are in `records`. A change to a table or a record needs a new [`VERSION`] and a
//! step in `migrations`. A table whose key or value changes its type gets a new name.

use redb::{
    Key, ReadOnlyTable, ReadTransaction, Table, TableDefinition, TableError, Value,
    WriteTransaction,
};

use crate::clock::Timestamp;

/// The version that this program writes. Older files are migrated when they are opened, newer
/// ones are refused.
pub const VERSION: u64 = 5;

/// Makes all that must know every table from the one list below, so that a new table is in the
/// backup, the check, the migrations and the write transaction without being named there.
macro_rules! tables {
    ($($NAME:ident, $name:ident: $key:ty => $value:ty;)*) => {
        $(pub(super) const $NAME: TableDefinition<'static, $key, $value> =
            TableDefinition::new(stringify!($name));)*

        /// Makes those tables that the file does not have yet.
        pub(super) fn create_missing(transaction: &WriteTransaction) -> Result<(), TableError> {
            $(transaction.open_table($NAME)?;)*
            Ok(())
        }

        /// Calls the visitor with each table.
        pub(super) fn visit_all<V: TableVisitor>(visitor: &mut V) -> Result<(), V::Error> {
            $(visitor.visit($NAME)?;)*
            Ok(())
        }

        /// All tables as one moment has them.
        pub(super) struct ReadTables {
            $(pub $name: ReadOnlyTable<$key, $value>,)*
        }

        impl ReadTables {
            pub fn open(transaction: &ReadTransaction) -> Result<ReadTables, TableError> {
                Ok(ReadTables { $($name: transaction.open_table($NAME)?,)* })
            }
        }

        /// The tables of one write transaction, each opened when it is first asked for: opening
        /// all of them in every commit would cost more than a small commit itself.
        pub(super) struct WriteTables<'txn> {
            transaction: &'txn WriteTransaction,
            $($name: Option<Table<'txn, $key, $value>>,)*
        }

        impl<'txn> WriteTables<'txn> {
            pub fn new(transaction: &'txn WriteTransaction) -> WriteTables<'txn> {
                WriteTables { transaction, $($name: None,)* }
            }

            $(pub fn $name(&mut self) -> Result<&mut Table<'txn, $key, $value>, TableError> {
                match &mut self.$name {
                    Some(table) => Ok(table),
                    none => Ok(none.insert(self.transaction.open_table($NAME)?)),
                }
            })*
        }
    };
}

tables! {
    META, meta: &'static str => u64;
    USERS, users: u64 => &'static [u8];
    USERNAMES, usernames: &'static str => u64;
    EMAILS, emails: &'static str => u64;
    KNOWN_NETWORKS, known_networks: (u64, u128) => u64;
    NETWORK_USERS, network_users: (u128, u64) => ();
    API_KEYS, api_keys: u64 => &'static [u8];
    API_KEY_HASHES, api_key_hashes: &'static [u8; 32] => u64;
    API_KEYS_BY_USER, api_keys_by_user: (u64, u64) => ();
    ORDERS, orders: u64 => &'static [u8];
    ORDERS_BY_USER, orders_by_user: (u64, u64) => ();
    ORDERS_BY_HOUR, orders_by_hour: u64 => (u64, u64);
    ORDERS_OPEN, orders_open: (u8, u64) => ();
    ORDERS_BY_REFERENCE, orders_by_reference: (&'static str, u64) => u64;
    ORDER_WORDS, order_words: (&'static str, u64) => ();
    IDEMPOTENCY, idempotency: (u64, &'static str) => u64;
    IDEMPOTENT_ORDERS, idempotent_orders: u64 => &'static str;
    EVENTS, events: u64 => &'static [u8];
    WEBHOOKS, webhooks: u64 => &'static [u8];
    WEBHOOK_ATTEMPTS, webhook_attempts: (u64, u64) => &'static [u8];
    MAILS_PENDING, mails_pending: u64 => &'static [u8];
    MAILS_SENT, mails_sent: u64 => &'static [u8];
    MAILS_DEAD, mails_dead: u64 => &'static [u8];
    MAILS_DUE, mails_due: (u64, u64) => ();
}

/// Does one thing with every table, whatever the types of its key and value are.
pub(super) trait TableVisitor {
    type Error;

    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), Self::Error>;
}

/// The key in `orders_by_hour` of what was made then.
pub(super) fn hour_of(moment: Timestamp) -> u64 {
    moment.as_secs() / 3600
}

/// The end of a range in `orders_by_hour` that still grows. At most one range has it.
pub(super) const OPEN_END: u64 = u64::MAX;

/// The keys of the table `meta`.
pub(super) mod meta {
    pub const SCHEMA_VERSION: &str = "schema_version";
    /// The id of the user whose password is still the published default. Absent: none.
    pub const DEFAULT_PASSWORD_USER: &str = "default_password_user";
    /// When a commit was last tried out, in seconds since 1970.
    pub const LAST_TRIAL: &str = "last_trial";
    /// Mails sent before that moment, in µs since 1970, may have been removed. Absent: none.
    pub const MAILS_PRUNED_BEFORE: &str = "mails_pruned_before";
    /// The last order whose first mail is not in the order's row any more; 0 before the first.
    pub const MAILS_TAKEN_UP_TO: &str = "mails_taken_up_to";
    /// The largest id of a mail that was removed. Absent: none was.
    pub const MAILS_PRUNED_UP_TO: &str = "mails_pruned_up_to";
    /// The largest id of a webhook so far. Absent: there never was one.
    pub const LAST_WEBHOOK_ID: &str = "last_webhook_id";
    /// The last event that doesn't count any more. Absent: all count.
    pub const EVENTS_PRUNED_UP_TO: &str = "events_pruned_up_to";
    /// Changes make no events. Absent: they do.
    pub const FEED_IS_OFF: &str = "feed_is_off";
    /// The two halves of the name of this store's history.
    pub const SOURCE_HIGH: &str = "source_high";
    pub const SOURCE_LOW: &str = "source_low";
    /// The largest id of an API key that was removed. Absent: none was.
    pub const API_KEYS_PRUNED_UP_TO: &str = "api_keys_pruned_up_to";
}
