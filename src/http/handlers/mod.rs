//! A handler reads fields, makes one call, renders.

pub mod accounts;
pub mod orders;
pub mod system;
