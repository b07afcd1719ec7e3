//! Mail against an SMTP server that really speaks: the transports, and the sender.

mod content;
mod manners;
mod refusals;
mod relay;
mod sender;
mod shop;
mod templates;
mod transports;
