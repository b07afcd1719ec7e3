//! Why a database can't be opened.

use std::{fmt, io};

use redb::DatabaseError;

use super::schema::VERSION;

/// Prints as one line for the operator.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    Locked,
    /// It was written by a later version of this program.
    Newer {
        found: u64,
    },
    /// It was written by an earlier version, and is to be read without a migration.
    Older {
        found: u64,
    },
    Io(String),
    /// It is not a database, or a damaged one.
    Unreadable(String),
}

impl OpenError {
    pub(super) fn of(error: impl Into<redb::Error>) -> OpenError {
        match error.into() {
            redb::Error::Io(why) => OpenError::Io(why.to_string()),
            other => OpenError::Unreadable(other.to_string()),
        }
    }
}

impl From<DatabaseError> for OpenError {
    fn from(error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => OpenError::Locked,
            DatabaseError::Storage(redb::StorageError::Io(why)) => match why.kind() {
                io::ErrorKind::InvalidData => OpenError::Unreadable(why.to_string()),
                _ => OpenError::Io(why.to_string()),
            },
            other => OpenError::Unreadable(other.to_string()),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked => f.write_str(
                "the database is in use by another process; stop that one first, \
                 or give this one another DATABASE_URL",
            ),
            OpenError::Newer { found } => write!(
                f,
                "the database has schema version {found}, and this program knows up to {}; \
                 use the version of orderd that wrote it, or a later one",
                VERSION
            ),
            OpenError::Older { found } => write!(
                f,
                "the database has schema version {found}, and this program checks {}; \
                 the service migrates it when it starts, and then it can be checked",
                VERSION
            ),
            OpenError::Io(why) => f.write_str(why),
            OpenError::Unreadable(why) => {
                write!(f, "not a database of orderd, or a damaged one: {why}")
            }
        }
    }
}

impl std::error::Error for OpenError {}
