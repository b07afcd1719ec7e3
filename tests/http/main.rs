//! The transport of the HTTP side, attacked over real sockets.

mod cases;
mod client;
mod crowd;
mod exchange;
mod exhaustion;
mod harness;
mod hostile;
mod malformed;
mod rows;
mod site;
