//! Typed reads of one moment. Every list is bounded.

mod api_keys;
pub(super) mod counts;
pub(super) mod due_mails;
pub(super) mod events;
pub(super) mod mails;
mod merged;
pub(super) mod orders;
mod search;
mod span;
pub(super) mod users;
pub(super) mod webhooks;

use redb::{Key, ReadOnlyTable, ReadTransaction, TableDefinition, Value};

use crate::error::Result;

/// Rows that one short transaction goes through, at most.
pub const PAGE_ROWS: usize = 1000;

/// Most rows that one search without an index looks at; then it says how to go on.
pub const MAX_LOOKED_AT: usize = 10_000;

/// What was committed when the snapshot was taken. Drop it soon: the file can't use the pages
/// again that it sees.
pub struct Snapshot(pub(super) ReadTransaction);

impl Snapshot {
    fn open<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<ReadOnlyTable<K, V>> {
        Ok(self.0.open_table(table)?)
    }
}
