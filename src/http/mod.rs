//! The transport: bytes in, bytes out. It knows requests and responses, and no route, no user
//! and no store; what answers is a [`Handler`].
//!
//! A request's way: the [`front_door`] accepts the connection, [`parking`] keeps it while it
//! waits, a [`worker`] reads it through [`protocol`] (the framing of RFC 9112), the
//! [`airlock`] passes it through `tiny_http`, the handler answers, the [`responder`] sends.
//! The [`janitor`] closes what has outlived its deadline.

pub mod airlock;
pub mod clients;
pub mod connection;
pub mod connection_limits;
pub mod deferrals;
pub mod eviction;
pub mod front_door;
pub mod handler;
pub mod head;
pub mod janitor;
pub mod local;
pub mod outgoing;
pub mod parking;
pub mod protocol;
pub mod rejection;
pub mod responder;
pub mod response;
pub mod server;
pub mod settings;
pub mod thread_pool;
pub mod transport;
pub mod upload;
pub mod worker;

pub use handler::{Deferred, Handler, Outcome, Peer};
pub use head::{Field, Head};
pub use local::client::{LocalClient, LocalResponse};
pub use local::server::{LocalServer, serve as serve_local};
pub use protocol::encoder::reason_phrase;
pub use rejection::Rejection;
pub use response::{Body, Response, Stream};
pub use server::{Drained, Server};
pub use settings::{Settings, Timeouts};
