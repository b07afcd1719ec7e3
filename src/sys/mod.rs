//! What only the operating system knows.

pub mod disk;
