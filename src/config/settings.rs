//! All settings, as flags and variables.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};

use super::values::{
    AllowedOrigins, DatabaseUrl, EmailFrom, Interval, LogLevel, Secret, TrustedProxies,
};

/// The first admin's default password in development. The old service published it.
pub const DEFAULT_ADMIN_PASSWORD: &str = "Admin123";

#[derive(Clone, Debug, Args)]
pub struct Config {
    /// development, or production: stricter about secrets, silent to other origins
    #[arg(long, env, value_enum, default_value = "development", help_heading = "Service")]
    pub environment: Environment,
    /// Address to listen on
    #[arg(long, env, default_value = "127.0.0.1", help_heading = "Service")]
    pub host: String,
    /// Port to listen on; 0 picks a free one
    #[arg(long, env, default_value_t = 8000, value_parser = port(0), help_heading = "Service")]
    pub port: u16,
    /// The embedded store's file; made with its folder
    #[arg(long, env, default_value = "redb://./data/orders.redb", help_heading = "Service")]
    pub database_url: DatabaseUrl,

    /// Key of the tokens [default: made at first start, in orders.key beside the database]
    #[arg(long, env, hide_env_values = true, help_heading = "Accounts")]
    pub secret_key: Option<Secret>,
    /// Algorithm of the tokens; only HS256
    #[arg(long, env, default_value = "HS256", value_parser = ["HS256"], help_heading = "Accounts")]
    pub algorithm: String,
    /// Life of a token, in minutes
    #[arg(long, env, default_value_t = 30, value_parser = bounds(1, 525_600), help_heading = "Accounts")]
    pub access_token_expire_minutes: u32,
    /// First admin's name, used only while there is no user
    #[arg(long, env, default_value = "admin", help_heading = "Accounts")]
    pub admin_username: String,
    /// First admin's address
    #[arg(long, env, default_value = "admin@example.com", help_heading = "Accounts")]
    pub admin_email: String,
    /// First admin's password [default: Admin123; in production one is made and put beside the database]
    #[arg(long, env, hide_env_values = true, help_heading = "Accounts")]
    pub admin_password: Option<Secret>,

    /// Mail server; without one, mails become .eml files
    #[arg(long, env, help_heading = "Mail")]
    pub smtp_server: Option<String>,
    /// Its port
    #[arg(long, env, default_value_t = 587, value_parser = port(1), help_heading = "Mail")]
    pub smtp_port: u16,
    /// How its connection is secured
    #[arg(long, env, value_enum, default_value = "starttls", help_heading = "Mail")]
    pub smtp_tls: SmtpTls,
    /// Certificates to trust instead of the system's, as PEM
    #[arg(long, env, help_heading = "Mail")]
    pub smtp_ca_file: Option<PathBuf>,
    /// Name that EHLO says [default: the host's full name, else its address in brackets]
    #[arg(long, env, help_heading = "Mail")]
    pub smtp_helo: Option<String>,
    /// Name to log in to the mail server with
    #[arg(long, env, help_heading = "Mail")]
    pub email_user: Option<String>,
    /// Password to log in to the mail server with
    #[arg(long, env, hide_env_values = true, help_heading = "Mail")]
    pub email_pass: Option<Secret>,
    // Not a doc comment: rustdoc would take the brackets for an HTML tag.
    #[arg(long, env, default_value = "orders@localhost", help_heading = "Mail")]
    #[arg(help = "Sender of the mails: an address, or Name <address>")]
    pub email_from: EmailFrom,
    /// Folder of the .eml files
    #[arg(long, env, default_value = "./data/mail", help_heading = "Mail")]
    pub mail_dir: PathBuf,
    /// Mails sent in a second at most; 0 = no cap
    #[arg(long, env, default_value_t = 50, value_parser = bounds(0, 100_000), help_heading = "Mail")]
    pub mail_max_per_second: u32,
    /// Days that sent mails are kept
    #[arg(long, env, default_value_t = 30, value_parser = bounds(1, 36_500), help_heading = "Mail")]
    pub mail_keep_days: u32,
    /// Folder whose templates take the place of the built-in ones
    #[arg(long, env, help_heading = "Mail")]
    pub templates_dir: Option<PathBuf>,

    /// Requests in a window, for each caller and limited route; 0 = no limit
    #[arg(long, env, default_value_t = 5, value_parser = bounds(0, 1_000_000), help_heading = "Limits")]
    pub rate_limit_requests: u32,
    /// The window, in seconds
    #[arg(long, env, default_value_t = 60, value_parser = bounds(1, 86_400), help_heading = "Limits")]
    pub rate_limit_window: u32,
    /// Addresses or networks whose X-Forwarded-For is believed, separated by commas
    #[arg(long, env, default_value = "", hide_default_value = true, help_heading = "Limits")]
    pub trusted_proxies: TrustedProxies,
    /// Origins that browsers may call from: *, a list, or empty for none [default: * in development, none in production]
    #[arg(long, env, help_heading = "Limits")]
    pub cors_allow_origins: Option<AllowedOrigins>,

    /// Threads that serve requests
    #[arg(long, env, default_value_t = 64, value_parser = bounds(1, 1024), help_heading = "HTTP")]
    pub http_threads: u32,
    /// Open connections; at the cap the oldest idle one gives way
    #[arg(long, env, default_value_t = 4096, value_parser = bounds(1, 1_000_000), help_heading = "HTTP")]
    pub http_max_connections: u32,
    /// Open connections from one address [default: a quarter of the whole]
    #[arg(long, env, value_parser = bounds(1, 1_000_000), help_heading = "HTTP")]
    pub http_max_connections_per_client: Option<u32>,
    /// Size of a body, in bytes
    #[arg(long, env, default_value_t = 65_536, value_parser = bounds(1024, 131_072), help_heading = "HTTP")]
    pub http_max_body_bytes: u32,
    /// Size of a request's line and headers, in bytes
    #[arg(long, env, default_value_t = 16_384, value_parser = bounds(1024, 131_072), help_heading = "HTTP")]
    pub http_max_head_bytes: u32,
    /// Seconds that a connection may rest between requests
    #[arg(long, env, default_value_t = 15, value_parser = bounds(1, 86_400), help_heading = "HTTP")]
    pub http_idle_timeout: u32,
    /// Seconds for a request to arrive, head and body each
    #[arg(long, env, default_value_t = 10, value_parser = bounds(1, 3600), help_heading = "HTTP")]
    pub http_request_timeout: u32,

    /// debug, info, warning, error or critical
    #[arg(long, env, default_value = "info", help_heading = "Log")]
    pub log_level: LogLevel,
    /// Log file, rotated at 10 MB, 5 kept; empty = stderr only
    #[arg(long, env, default_value = "logs/app.log", help_heading = "Log")]
    pub log_file: String,

    /// Hours that the answers to idempotency keys are kept
    #[arg(long, env, default_value_t = 24, value_parser = bounds(1, 8760), help_heading = "Keeping")]
    pub idempotency_keep_hours: u32,
    /// Folder of scheduled backups; without one there are none
    #[arg(long, env, help_heading = "Keeping")]
    pub backup_dir: Option<PathBuf>,
    /// Time between them, as in 30m, 24h or 7d
    #[arg(long, env, default_value = "24h", help_heading = "Keeping")]
    pub backup_interval: Interval,
    /// How many of them are kept
    #[arg(long, env, default_value_t = 7, value_parser = bounds(1, 10_000), help_heading = "Keeping")]
    pub backup_keep: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SmtpTls {
    /// Plain at first, then upgraded; a server that can't is not used
    Starttls,
    /// Encrypted from the first byte
    Implicit,
    /// Not at all; credentials are then sent to loopback only
    None,
}

impl Config {
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }

    pub fn database_path(&self) -> &Path {
        self.database_url.path()
    }

    /// The path of a file in the database's folder.
    pub fn beside_database(&self, name: &str) -> PathBuf {
        self.database_path().with_file_name(name)
    }

    pub fn allowed_origins(&self) -> AllowedOrigins {
        match (&self.cors_allow_origins, self.environment) {
            (Some(origins), _) => origins.clone(),
            (None, Environment::Development) => AllowedOrigins::Any,
            (None, Environment::Production) => AllowedOrigins::none(),
        }
    }

    pub fn max_connections_per_client(&self) -> u32 {
        self.http_max_connections_per_client.unwrap_or((self.http_max_connections / 4).max(1))
    }

    pub fn log_path(&self) -> Option<&Path> {
        (!self.log_file.is_empty()).then(|| Path::new(&self.log_file))
    }

    pub fn rate_window(&self) -> Duration {
        Duration::from_secs(self.rate_limit_window.into())
    }

    pub fn token_life(&self) -> Duration {
        Duration::from_secs(u64::from(self.access_token_expire_minutes) * 60)
    }

    /// Whether other hosts may reach a server that listens at `at`.
    pub fn is_exposed(at: SocketAddr) -> bool {
        !at.ip().is_loopback()
    }
}

impl Environment {
    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Development => "development",
            Environment::Production => "production",
        }
    }
}

fn bounds(least: u32, most: u32) -> impl TypedValueParser<Value = u32> {
    move |text: &str| whole_number(text, least, most)
}

fn port(least: u16) -> impl TypedValueParser<Value = u16> {
    move |text: &str| whole_number(text, least, u16::MAX)
}

fn whole_number<T: FromStr + PartialOrd + Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    match text.parse() {
        Ok(number) if (&least..=&most).contains(&&number) => Ok(number),
        _ => Err(format!("must be a whole number from {least} to {most}")),
    }
}
