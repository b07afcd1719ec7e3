//! What only the operating system knows.

pub mod poll;
pub mod socket;
