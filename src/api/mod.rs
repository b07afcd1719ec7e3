//! The API: the route table, one file for each resource with its request and response types,
//! its handlers and what the OpenAPI document says of them; and what all of them share.
//!
//! A request comes in through [`Api`], is matched by [`routing`] against [`routes`], checked
//! in the order that the wire contract gives, and answered by a resource: `accounts`, `users`,
//! `api_keys`, `orders`, `order_list`, `events`, `webhooks`, `emails`, `backups`, `system`, `docs`,
//! `console`.

mod accept;
mod api_keys;
mod backups;
mod body;
mod call;
mod client_address;
mod console;
mod cors;
mod docs;
mod emails;
mod event_body;
mod events;
mod exposition;
mod fault_body;
mod form;
mod handler;
mod host;
mod if_match;
mod inputs;
mod large_body_gate;
mod literals;
mod media_types;
mod meters;
pub mod openapi;
mod order_body;
mod order_csv;
mod order_history;
mod order_inputs;
mod order_list;
mod order_stream;
mod orders;
mod request_id;
pub mod routes;
mod system;
mod users;
mod webhooks;

// Public for the fuzz targets alone.
#[doc(hidden)]
pub mod accounts;
#[doc(hidden)]
pub mod errors;
#[doc(hidden)]
pub mod faults;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod order_changes;
#[doc(hidden)]
pub mod order_request;
#[doc(hidden)]
pub mod query;
#[doc(hidden)]
pub mod reader;
#[doc(hidden)]
pub mod routing;
#[doc(hidden)]
pub mod webhook_setup;

pub use exposition::MAX_AGE as METRICS_AGE;
pub use handler::Api;
pub use webhooks::delivery_body;
