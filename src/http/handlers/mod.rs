//! A handler reads fields, makes one call, renders.

pub mod accept;
pub mod accounts;
pub mod backups;
pub mod docs;
pub mod emails;
pub mod order_list;
pub mod orders;
pub mod system;
pub mod users;

use crate::error::Error;

/// A field that was not read has its fault, and `check` has told it.
fn unread() -> Error {
    Error::Internal("a field is absent without a fault".into())
}
