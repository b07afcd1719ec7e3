//! The transport of the HTTP side, attacked over real sockets.

mod crowd;
mod exchange;
mod exhaustion;
mod fairness;
mod harness;
mod hostile;
mod malformed;
