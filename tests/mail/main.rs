//! Mail against an SMTP server that really speaks: the transports, and the sender.

mod relay;
mod sender;
mod shop;
mod transports;
