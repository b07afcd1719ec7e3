//! The API over a connection to the app in this process, one file for each group of routes.

mod admin_backup;
mod auth_login;
mod auth_me;
mod auth_register;
mod backpressure;
mod cors;
mod emails;
mod errors;
mod framing;
mod hanging_disk;
mod large_bodies;
mod limits;
mod login_denial;
mod openapi;
mod orders_create;
mod orders_csv;
mod orders_get;
mod orders_idempotency;
mod orders_list;
mod orders_pages;
mod password;
mod probes;
mod problem;
mod system;
mod tokens;
mod users;
