//! What the records of an order with content share.

use crate::domain::order::content::Reference;

pub fn reference_text(reference: &Reference) -> String {
    reference.as_str().to_owned()
}

/// What is absent stays absent; `None` where it is there and can't be parsed.
pub fn parsed<T, U>(stored: Option<T>, parse: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match stored {
        Some(stored) => parse(stored).map(Some),
        None => Some(None),
    }
}

pub fn all<T, U>(stored: Vec<T>, parse: impl Fn(T) -> Option<U>) -> Option<Vec<U>> {
    stored.into_iter().map(parse).collect()
}
