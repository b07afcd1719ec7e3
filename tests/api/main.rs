//! The wire contract, one file for each group of routes.

#[path = "../support/mod.rs"]
mod support;

mod auth_login;
mod auth_me;
mod auth_register;
mod cors;
mod errors;
mod framing;
mod limits;
mod orders_create;
mod orders_get;
mod orders_list;
mod system;
mod tokens;
