//! What several test binaries need; each takes a part of it.
#![allow(dead_code)]

pub mod disk;
pub mod smtp;
