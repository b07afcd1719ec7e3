//! `orderd`: an order service for one host.
//!
//! The rooms, from the ground up. A room imports only rooms listed before it;
//! `tests/layering` holds the list and fails where a wall is broken.
#![forbid(unsafe_code)]

pub mod clock;
pub mod sys;

pub mod error;

pub mod domain;

pub mod config;
pub mod logging;
pub mod metrics;

pub mod http;
pub mod store;

pub mod auth;
pub mod limiter;

pub mod service;

pub mod mail;

pub mod webhooks;

pub mod api;

pub mod app;
pub mod cli;
