//! The transport of the HTTP side, attacked over real sockets.

mod exchange;
mod harness;
mod malformed;
