//! Every setting: its variable, its flag, its default and its bound.
//!
//! Settings are read once, at start: first from flags, then from the environment, then from
//! `.env.dev` (or `.env.prod` with `ENVIRONMENT=production`) in the working directory. A bad
//! one stops the start with one line: its name, its value, where it came from, and what is
//! allowed.
//!
//! `settings` is the table of them all, `parse` and `types` read their texts, `check` holds the
//! rules between them. `load` puts together what `flags` and `env_file` bring; `given` remembers
//! where each came from. `supervisor` reads variables that are no settings.

mod check;
mod env_file;
mod error;
mod flags;
mod folders;
mod given;
mod load;
mod mask;
mod nearest;
mod origins;
mod parse;
mod setting;
mod settings;
mod supervisor;
mod types;

pub use error::{SettingError, Unusable};
pub use flags::Flags;
pub use load::{Settings, is_in_environment};
pub use nearest::nearest;
pub use origins::AllowedOrigins;
pub use setting::Setting;
pub use settings::{
    Config, DEFAULT_ADMIN_PASSWORD, Environment, LogFormat, SETTINGS, SmtpTls, Switch,
};
pub use supervisor::Supervisor;
pub use types::{
    DatabaseUrl, EmailFrom, Interval, LogFile, LogLevel, Secret, ShopName, ShopUrl, TrustedProxies,
};
