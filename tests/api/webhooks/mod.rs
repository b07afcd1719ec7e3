//! Webhooks: where they go, what arrives, and what each failure means.

mod attempts;
mod bad_input;
mod damage;
mod deliveries;
mod failures;
mod hooks;
mod names;
mod setup;
mod threads;
