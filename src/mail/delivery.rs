//! What became of a message that a transport was given.

/// Longest reason that is kept, in characters.
const MAX_REASON_LEN: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// The server refuses this recipient for good.
    Rejected {
        code: u16,
        text: String,
    },
    /// There is nobody to send it to.
    Undeliverable {
        text: String,
    },
    /// A 550 or 553 to RCPT TO that doesn't say whether it means the recipient or us: what the
    /// other recipients get tells which.
    Unclear {
        code: u16,
        text: String,
    },
    /// The server refuses us (no relaying, a quota, a blocklist), or this message for another
    /// reason than its recipient. Another attempt may succeed, once somebody has seen to it.
    Refused {
        text: String,
    },
    /// Another attempt may succeed. This one may have delivered the message all the same:
    /// delivery is at least once.
    Deferred {
        text: String,
    },
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// One line: the step and the reason.
    pub text: String,
    /// The server answered, with a 5xx.
    pub is_refusal: bool,
}

/// A reason as it can be logged and stored: one printable line of at most 200 characters.
pub(super) fn short_reason(text: &str) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    text.trim().chars().map(printable).take(MAX_REASON_LEN).collect()
}
