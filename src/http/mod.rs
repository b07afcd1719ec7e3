//! The HTTP side. The transport comes first: front door, airlock, parking, janitor; it
//! hands complete requests to the [`Api`]: routes, extraction, handlers.

pub mod airlock;
pub mod chunked;
pub mod connection;
pub mod crew;
pub mod door;
pub mod framing;
pub mod head;
pub mod janitor;
pub mod parking;
pub mod refusal;
pub mod reply;
pub mod scanner;
pub mod server;
pub mod serving;
pub mod target;
pub mod wire;
pub mod worker;

pub mod answer;
mod api;
mod bodies;
mod cors;
mod endpoint;
mod handlers;
pub mod openapi;
mod problem;
pub mod routes;
mod turnstile;

// Public for the fuzz targets alone.
#[doc(hidden)]
pub mod call;
#[doc(hidden)]
pub mod errors;
#[doc(hidden)]
pub mod fields;
#[doc(hidden)]
pub mod query;

pub use answer::Answer;
pub use api::Api;
pub use connection::Peer;
pub use head::Head;
pub use refusal::Refusal;
pub use server::{Drained, Server, Settings};
pub use serving::Service;
