//! Brings an older file up to date, in one transaction: all of it or nothing.

use std::collections::BTreeMap;

use redb::{Database, ReadableDatabase, ReadableTable, TableError, WriteTransaction};

use super::generation;
use super::open_error::OpenError;
use super::records::{OrderPrefix, UserRecord, decode, encode};
use super::schema::{self, META, VERSION, meta};
use crate::domain::Username;

type Step = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// The steps from each version to the next: `STEPS[0]` makes version 2 out of version 1. A new
/// file takes all of them, with empty tables. A step finds every table of the schema there
/// already. Once released, a step is never changed; further ones are added.
const STEPS: [Step; VERSION as usize - 1] =
    [index_hours, keep_fresh_mails_with_orders, draw_generations_and_fold_names, take_content];

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

/// The version of a file; 0 where it has no tables yet.
pub(super) fn version_of(database: &impl ReadableDatabase) -> Result<u64, OpenError> {
    let transaction = database.begin_read().map_err(OpenError::of)?;
    if transaction.list_tables().map_err(OpenError::of)?.next().is_none() {
        return Ok(0);
    }
    let table = match transaction.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => {
            let why = "its tables are those of another program".into();
            return Err(OpenError::Unreadable(why));
        }
        table => table.map_err(OpenError::of)?,
    };
    let found = table.get(meta::SCHEMA_VERSION).map_err(OpenError::of)?;
    found.map(|row| row.value()).ok_or_else(|| OpenError::Unreadable("it has no version".into()))
}

fn migrate(database: &Database, found: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    schema::create_missing(&transaction)?;
    for step in &STEPS[found.saturating_sub(1) as usize..] {
        step(&transaction)?;
    }
    transaction.open_table(META)?.insert(meta::SCHEMA_VERSION, VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Version 2 finds orders by their time.
fn index_hours(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let orders = transaction.open_table(schema::ORDERS)?;
    let mut by_hour = transaction.open_table(schema::ORDERS_BY_HOUR)?;
    let mut hours: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for row in orders.iter()? {
        let (id, record) = row?;
        let Ok(record) = decode::<OrderPrefix<'_>>(record.value()) else {
            return Err(redb::Error::Corrupted(format!("order {} is unreadable", id.value())));
        };
        let hour = schema::hour_of(record.created_at());
        let range = hours.entry(hour).or_insert((id.value(), id.value()));
        range.1 = id.value();
    }
    for (hour, range) in hours {
        by_hour.insert(hour, range)?;
    }
    Ok(())
}

/// Version 3 keeps a mail in its order's row until it is first tried. All mails that are there
/// already have rows of their own.
fn keep_fresh_mails_with_orders(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let orders = transaction.open_table(schema::ORDERS)?;
    let last = orders.last()?.map_or(0, |(id, _)| id.value());
    transaction.open_table(META)?.insert(meta::MAILS_TAKEN_UP_TO, last)?;
    Ok(())
}

/// Version 4 draws token generations, which ends all tokens once, and finds users by the fold of
/// their names. The rows by lower case stay; where names fold to one, the oldest user gets it.
fn draw_generations_and_fold_names(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut users = transaction.open_table(schema::USERS)?;
    let mut names = transaction.open_table(schema::USERNAMES)?;
    let ids =
        users.iter()?.map(|row| Ok(row?.0.value())).collect::<Result<Vec<_>, redb::Error>>()?;
    for id in ids {
        let (folded, redrawn) = {
            let row = users.get(id)?;
            let mut record = row
                .as_ref()
                .and_then(|row| decode::<UserRecord<'_>>(row.value()).ok())
                .ok_or_else(|| redb::Error::Corrupted(format!("user {id} is unreadable")))?;
            let UserRecord::V1 { username, token_generation, .. } = &mut record;
            *token_generation = generation::draw(*token_generation)?;
            let folded = Username::fold(username);
            let redrawn = encode(&record).map_err(|why| redb::Error::Corrupted(why.to_string()))?;
            (folded, redrawn)
        };
        users.insert(id, redrawn.as_slice())?;
        if names.get(folded.as_str())?.is_none() {
            names.insert(folded.as_str(), id)?;
        }
    }
    Ok(())
}

/// Version 5 takes orders with content, mails have ids of their own, and changes make events. The
/// tables are new, and what is there stays as it is: the first new mail comes after the mail of the
/// last order, and older orders have no events.
fn take_content(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|why| redb::Error::Io(std::io::Error::other(why)))?;
    let source = u128::from_be_bytes(bytes);
    let mut table = transaction.open_table(META)?;
    table.insert(meta::SOURCE_HIGH, (source >> 64) as u64)?;
    table.insert(meta::SOURCE_LOW, source as u64)?;
    Ok(())
}
