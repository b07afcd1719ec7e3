//! The HTTP side: front door, airlock, parking, janitor; then routes, extraction, handlers.

pub mod airlock;
pub mod chunked;
pub mod connection;
pub mod crew;
pub mod door;
pub mod framing;
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

pub use connection::Peer;
pub use framing::RequestLine;
pub use refusal::Refusal;
pub use server::{Drained, Server, Settings};
pub use serving::Service;
