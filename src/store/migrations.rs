//! Bringing an older file up to date, in one transaction: all of it or nothing.

use redb::{Database, ReadableDatabase, TableError, WriteTransaction};

use super::OpenError;
use super::schema::{self, META, VERSION, meta};

type Step = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// What takes a file from one version to the next: `STEPS[0]` makes version 1 out of an
/// empty file. Steps are never changed once released, only added.
const STEPS: [Step; VERSION as usize] = [create_tables];

pub(super) fn bring_up_to_date(database: &Database) -> Result<(), OpenError> {
    let found = version_of(database)?;
    if found > VERSION {
        return Err(OpenError::Newer { found });
    }
    if found == VERSION {
        return Ok(());
    }
    migrate(database, found).map_err(OpenError::of)
}

/// 0 for a file that holds nothing yet.
fn version_of(database: &Database) -> Result<u64, OpenError> {
    let transaction = database.begin_read().map_err(OpenError::of)?;
    let table = match transaction.open_table(META) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => {
            return match transaction.list_tables().map_err(OpenError::of)?.next() {
                None => Ok(0),
                Some(_) => Err(OpenError::Unreadable("its tables are of another program".into())),
            };
        }
        Err(why) => return Err(OpenError::of(why)),
    };
    let found = table.get(meta::SCHEMA_VERSION).map_err(OpenError::of)?;
    found.map(|row| row.value()).ok_or_else(|| OpenError::Unreadable("it has no version".into()))
}

fn migrate(database: &Database, found: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for step in &STEPS[found as usize..] {
        step(&transaction)?;
    }
    transaction.open_table(META)?.insert(meta::SCHEMA_VERSION, VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Version 1.
fn create_tables(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(schema::USERS)?;
    transaction.open_table(schema::USERNAMES)?;
    transaction.open_table(schema::EMAILS)?;
    transaction.open_table(schema::ORDERS)?;
    transaction.open_table(schema::ORDERS_BY_USER)?;
    transaction.open_table(schema::MAILS_PENDING)?;
    transaction.open_table(schema::MAILS_SENT)?;
    transaction.open_table(schema::MAILS_DEAD)?;
    transaction.open_table(schema::MAILS_DUE)?;
    Ok(())
}

impl OpenError {
    fn of(error: impl Into<redb::Error>) -> OpenError {
        match error.into() {
            redb::Error::Io(why) => OpenError::Io(why.to_string()),
            other => OpenError::Unreadable(other.to_string()),
        }
    }
}
