//! What a webhook is signed with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// 32 random bytes, as Standard Webhooks has them. `Debug` never prints them.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret([u8; WebhookSecret::BYTES]);

impl WebhookSecret {
    pub const BYTES: usize = 32;

    pub fn new(bytes: [u8; WebhookSecret::BYTES]) -> WebhookSecret {
        WebhookSecret(bytes)
    }

    pub fn expose(&self) -> &[u8; WebhookSecret::BYTES] {
        &self.0
    }

    /// `whsec_` and base64, as its receiver is told it.
    pub fn to_text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("**********")
    }
}
