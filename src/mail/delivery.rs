//! What became of a message that a transport was given.

/// Longest reason that is kept, in characters.
const MAX_REASON_LEN: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// The server refuses this message for good: a 5xx to RCPT TO or DATA.
    Rejected {
        code: u16,
        text: String,
    },
    /// Another attempt may succeed. This one may have delivered the message all the same:
    /// delivery is at least once.
    Deferred {
        text: String,
    },
}

/// A reason as it can be logged and stored: one printable line of at most 200 characters.
pub(super) fn short_reason(text: &str) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    text.trim().chars().map(printable).take(MAX_REASON_LEN).collect()
}
