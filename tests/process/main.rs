//! The real binary: settings, files, signals and exit codes.

mod accounts;
mod backups;
mod database;
mod deploy;
mod env_files;
mod first_hour;
mod follow;
mod keys;
mod log_files;
mod log_floods;
mod log_levels;
mod mail_test;
mod operator;
mod owners;
mod settings;
mod signals;
mod supervisor;
mod tour;
mod users;
mod webhooks;
