//! The client's own number of an order or a payment.

/// The client's own number: 1 to 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference(String);

impl Reference {
    pub const MAX_CHARS: usize = 64;

    /// `None` unless it is 1 to 64 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Reference> {
        let is_fit = (1..=Self::MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_fit.then(|| Reference(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
