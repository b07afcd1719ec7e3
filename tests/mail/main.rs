//! Mail against an SMTP server that really speaks: the transports, and the sender.

mod sender;
mod transports;
