//! What the integration tests share. A crate of its own, so that it is compiled once and not
//! with every test binary, each of which uses only a part of it.
#![forbid(unsafe_code)]

pub mod app;
pub mod attack;
pub mod backup;
pub mod client;
pub mod disk;
pub mod folder;
pub mod process;
pub mod receiver;
pub mod response;
pub mod smtp;
pub mod token;
