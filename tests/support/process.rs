//! The real binary, started and stopped.
