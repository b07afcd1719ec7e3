//! The HTTP side. The transport comes first: front door, airlock, parking, janitor; it
//! hands complete requests to the [`Api`]: routes, extraction, handlers.

pub mod airlock;
pub mod chunked;
pub mod connection;
pub mod door;
pub mod encoder;
pub mod framing;
pub mod head;
pub mod head_scanner;
pub mod janitor;
pub mod parking;
pub mod rejection;
pub mod response;
pub mod server;
pub mod serving;
pub mod target;
pub mod thread_pool;
pub mod worker;

pub mod answer;
mod api;
mod bodies;
mod cors;
mod endpoint;
mod handlers;
mod large_body_gate;
pub mod openapi;
mod problem;
pub mod routes;

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
pub use rejection::Rejection;
pub use server::{Drained, Server, Settings};
pub use serving::Service;
