//! Copies all tables from one read transaction into a new database.

use std::ops::Bound;

use redb::{
    Database, Durability, Key, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, TableDefinition, Value,
};

use crate::error::{Error, Result};
use crate::store::schema::{self, TableVisitor, VERSION};
use crate::sys::stop::Stop;

/// Rows that share a transaction of the copy; few in tests, so that a copy takes several.
const ROWS_PER_TRANSACTION: usize = if cfg!(test) { 100 } else { 32_000 };

/// Returns the number of rows, which is the same on both sides.
///
/// # Errors
/// `Unavailable` once `stop` is set or where the source can't be read; `Internal` where the copy
/// can't be written or differs from the source.
pub(super) fn copy_all(source: &ReadTransaction, copy: &Database, stop: &Stop) -> Result<u64> {
    let expected = source.list_tables().map_err(Error::storage)?.count();
    let mut copier = Copier { source, copy, stop, tables: 0, rows: 0 };
    schema::visit_all(&mut copier)?;
    if copier.tables != expected {
        let copied = copier.tables;
        let why = format!("the file has {expected} tables, and version {VERSION} copies {copied}");
        return Err(Error::Internal(why));
    }
    Ok(copier.rows)
}

struct Copier<'a> {
    source: &'a ReadTransaction,
    copy: &'a Database,
    stop: &'a Stop,
    tables: usize,
    rows: u64,
}

impl TableVisitor for Copier<'_> {
    type Error = Error;

    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        let from = self.source.open_table(table).map_err(Error::storage)?;
        let mut rows = from.iter().map_err(Error::storage)?.peekable();
        let mut copied = 0;
        loop {
            let mut transaction = self.copy.begin_write().map_err(Error::internal)?;
            // The whole file is synced at the end, before anyone relies on it.
            transaction.set_durability(Durability::None).map_err(Error::internal)?;
            {
                let mut to = transaction.open_table(table).map_err(Error::internal)?;
                let end = Bound::<K::SelfType<'_>>::Unbounded;
                let mut end = to.upper_bound_mut(end).map_err(Error::internal)?;
                for row in rows.by_ref().take(ROWS_PER_TRANSACTION) {
                    let (key, value) = row.map_err(Error::storage)?;
                    end.insert_before(key.value(), value.value()).map_err(Error::internal)?;
                    copied += 1;
                }
                end.close().map_err(Error::internal)?;
            }
            transaction.commit().map_err(Error::internal)?;
            if self.stop.is_set() {
                return Err(Error::stopping());
            }
            if rows.peek().is_none() {
                break;
            }
        }
        self.count(table, from.len().map_err(Error::storage)?, copied)
    }
}

impl Copier<'_> {
    fn count<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
        expected: u64,
        copied: u64,
    ) -> Result<()> {
        let transaction = self.copy.begin_read().map_err(Error::internal)?;
        let table = transaction.open_table(table).map_err(Error::internal)?;
        let found = table.len().map_err(Error::internal)?;
        if found != expected || copied != expected {
            let why = format!("{expected} rows, {copied} read, {found} in the copy");
            return Err(Error::Internal(why));
        }
        self.tables += 1;
        self.rows += found;
        Ok(())
    }
}
