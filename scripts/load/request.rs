//! What is sent: the same bytes each time, or bytes with an id that is used once.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where an id is put into a request.
pub const ID: &str = "{id}";

pub enum Request {
    Same(Vec<u8>),
    Each(Ids),
}

/// The bytes around an id, and the ids that are left.
pub struct Ids {
    head: Vec<u8>,
    tail: Vec<u8>,
    next: AtomicU64,
    end: u64,
}

impl Request {
    /// One request for each id, in place of the [`ID`] in its bytes.
    pub fn for_each(ids: Range<u64>, bytes: &[u8]) -> Request {
        let at = bytes.windows(ID.len()).position(|window| window == ID.as_bytes());
        let at = at.expect("a request has a place for its id");
        Request::Each(Ids {
            head: bytes[..at].to_vec(),
            tail: bytes[at + ID.len()..].to_vec(),
            next: AtomicU64::new(ids.start),
            end: ids.end,
        })
    }

    /// The bytes to send; none when all ids are used.
    pub fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Request::Same(bytes) => Some(Cow::Borrowed(bytes)),
            Request::Each(ids) => ids.take().map(Cow::Owned),
        }
    }
}

impl Ids {
    fn take(&self) -> Option<Vec<u8>> {
        let following = |id| (id < self.end).then_some(id + 1);
        let id = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, following).ok()?;
        Some([&self.head[..], id.to_string().as_bytes(), &self.tail].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_sent_once() {
        let request = Request::for_each(9..11, b"POST /orders/{id}/status");
        let sent = || request.bytes().map(|bytes| String::from_utf8(bytes.into_owned()).unwrap());
        assert_eq!(sent().as_deref(), Some("POST /orders/9/status"));
        assert_eq!(sent().as_deref(), Some("POST /orders/10/status"));
        assert_eq!(sent(), None);
    }
}
