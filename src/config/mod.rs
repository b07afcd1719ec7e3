//! Every setting: its variable, its flag, its default and its bound.
//!
//! Settings are read once, at start: first from the environment, then from `.env.dev` (or
//! `.env.prod` with `ENVIRONMENT=production`) in the working directory.

mod check;
mod env_file;
mod error;
mod origins;
mod settings;
mod values;

pub use env_file::{is_in_environment, load_env_file, unreadable_variable};
pub use error::SettingError;
pub use origins::AllowedOrigins;
pub use settings::{Config, DEFAULT_ADMIN_PASSWORD, Environment, SmtpTls};
pub use values::{DatabaseUrl, EmailFrom, Interval, LogLevel, Secret, TrustedProxies};
