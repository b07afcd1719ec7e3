//! What several test binaries need; each takes a part of it.
#![allow(dead_code)]

pub mod app;
pub mod backup;
pub mod connection;
pub mod disk;
pub mod folder;
pub mod process;
pub mod response;
pub mod smtp;
pub mod token;
