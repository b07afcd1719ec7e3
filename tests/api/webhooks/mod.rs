//! Webhooks: where they go, what arrives, and what each failure means.

mod attempts;
