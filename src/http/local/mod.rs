//! HTTP over a Unix socket beside the database, for commands on this host. Who can open the
//! socket's file is trusted: requests arrive with [`Peer::Local`](super::Peer::Local).
//!
//! The same parsing and the same handler as for clients; neither permits nor deadlines nor the
//! HTTP library stand in between, and each connection has a thread while it lasts.

pub mod client;
pub mod server;
