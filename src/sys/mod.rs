//! What only the operating system knows.

pub mod dial;
pub mod disk;
pub mod files;
pub mod notify;
pub mod permits;
pub mod poll;
pub mod process;
pub mod signals;
pub mod socket;
pub mod stop;
