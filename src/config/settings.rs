//! The table of all settings, and what follows from more than one of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::SettingError;
use super::given::Values;
use super::origins::AllowedOrigins;
use super::parse::{address, host, number, one_of, path, text, typed};
use super::setting::{Setting, settings};
use super::types::{
    DatabaseUrl, EmailFrom, Interval, LogFile, LogLevel, Secret, ShopName, ShopUrl, TrustedProxies,
};
use crate::clock::TimeZone;
use crate::domain::EmailAddress;
use crate::domain::webhook::Networks;

/// The first admin's default password in development. The old service published it.
pub const DEFAULT_ADMIN_PASSWORD: &str = "Admin123";

settings! {
    "Service" {
        /// development, or production: stricter about secrets, silent to other origins
        ENVIRONMENT environment: Environment = "development", one_of(Environment::NAMES),
            is_flag: false;
        /// Name or address to listen on
        HOST host: String = "127.0.0.1", host;
        /// Port to listen on; 0 picks a free one
        PORT port: u16 = "8000", number(0, u16::MAX);
        /// The embedded store's file; made with its folder
        DATABASE_URL database_url: DatabaseUrl = "redb://./data/orders.redb", typed;
        /// The console at /console/: on, or off
        CONSOLE console: Switch = "on", one_of(Switch::NAMES);
    }
    "Shop" {
        /// What the shop is called in its mails
        SHOP_NAME shop_name: ShopName = "Orders", typed;
        /// Where its name leads to
        SHOP_URL shop_url: Option<ShopUrl>, typed;
        /// Time zone of the times in mails, by its IANA name; the API stays in UTC
        TIME_ZONE time_zone: TimeZone = "UTC", typed;
    }
    "Accounts" {
        /// Key of the tokens
        SECRET_KEY secret_key: Option<Secret>, typed, is_flag: false, is_secret: true,
            default_says: Some("made at first start, in orders.key beside the database");
        /// Algorithm of the tokens; only HS256
        ALGORITHM algorithm: String = "HS256", algorithm;
        /// Life of a token, in minutes
        ACCESS_TOKEN_EXPIRE_MINUTES access_token_expire_minutes: u32 = "30", number(1, 525_600);
        /// First admin's name, used only while there is no user
        ADMIN_USERNAME admin_username: String = "admin", text;
        /// First admin's address
        ADMIN_EMAIL admin_email: String = "admin@example.com", text;
        /// First admin's password
        ADMIN_PASSWORD admin_password: Option<Secret>, typed, is_flag: false, is_secret: true,
            default_says: Some("Admin123; in production one is made and put beside the database");
    }
    "Mail" {
        /// Mail server, a name or an address; without one, mails become .eml files
        SMTP_SERVER smtp_server: Option<String>, host;
        /// Its port
        SMTP_PORT smtp_port: u16 = "587", number(1, u16::MAX);
        /// How its connection is secured: starttls, implicit (from the first byte), or none
        SMTP_TLS smtp_tls: SmtpTls = "starttls", one_of(SmtpTls::NAMES);
        /// Certificates to trust instead of the system's, as PEM
        SMTP_CA_FILE smtp_ca_file: Option<PathBuf>, path;
        /// Name to log in to the mail server with
        EMAIL_USER email_user: Option<String>, text;
        /// Password to log in to the mail server with
        EMAIL_PASS email_pass: Option<Secret>, typed, is_flag: false, is_secret: true;
        /// Sender of the mails: an address, or `Name <address>`
        EMAIL_FROM email_from: EmailFrom = "orders@localhost", typed;
        /// Where answers to the mails go
        EMAIL_REPLY_TO email_reply_to: Option<EmailAddress>, address;
        /// Who hears of each order with content
        NOTIFY_EMAIL notify_email: Option<EmailAddress>, address;
        /// What EHLO says
        SMTP_HELO smtp_helo: Option<String>, text,
            default_says: Some("the host's full name, else its address in brackets");
        /// Folder of the .eml files
        MAIL_DIR mail_dir: PathBuf = "./data/mail", path;
        /// Mails sent in a second at most; 0 = no cap
        MAIL_MAX_PER_SECOND mail_max_per_second: u32 = "50", number(0, 100_000);
        /// Days that sent mails are kept
        MAIL_KEEP_DAYS mail_keep_days: u32 = "30", number(1, 36_500);
        /// Folder whose templates take the place of the built-in ones
        TEMPLATES_DIR templates_dir: Option<PathBuf>, path;
    }
    "Limits" {
        /// Requests in a window, for each caller and limited route; 0 = no limit
        RATE_LIMIT_REQUESTS rate_limit_requests: u32 = "5", number(0, 1_000_000);
        /// The window, in seconds
        RATE_LIMIT_WINDOW rate_limit_window: u32 = "60", number(1, 86_400);
        /// Orders in a window, for each user; 0 = no limit
        RATE_LIMIT_ORDERS rate_limit_orders: Option<u32>, number(0, 1_000_000),
            default_says: Some("that of RATE_LIMIT_REQUESTS");
        /// Addresses or networks whose X-Forwarded-For is believed, separated by commas
        TRUSTED_PROXIES trusted_proxies: TrustedProxies = "", typed;
        /// Origins that browsers may call from: *, a list, or empty for none
        CORS_ALLOW_ORIGINS cors_allow_origins: Option<AllowedOrigins>, typed, takes_empty: true,
            default_says: Some("* in development, none in production");
    }
    "HTTP" {
        /// Threads that serve requests
        HTTP_THREADS http_threads: u32 = "64", number(1, 1024);
        /// Open connections; at the cap the oldest idle one gives way
        HTTP_MAX_CONNECTIONS http_max_connections: u32 = "4096", number(1, 1_000_000);
        /// Open connections from one address
        HTTP_MAX_CONNECTIONS_PER_CLIENT http_max_connections_per_client: Option<u32>,
            number(1, 1_000_000), default_says: Some("a quarter of the whole");
        /// Size of a body, in bytes
        HTTP_MAX_BODY_BYTES http_max_body_bytes: u32 = "65536", number(1024, 131_072);
        /// Size of a request's line and headers, in bytes
        HTTP_MAX_HEAD_BYTES http_max_head_bytes: u32 = "16384", number(1024, 131_072);
        /// Seconds that a connection may rest between requests
        HTTP_IDLE_TIMEOUT http_idle_timeout: u32 = "15", number(1, 86_400);
        /// Seconds for a request to arrive, head and body each
        HTTP_REQUEST_TIMEOUT http_request_timeout: u32 = "10", number(1, 3600);
    }
    "Log" {
        /// debug, info, warning, error or critical
        LOG_LEVEL log_level: LogLevel = "info", typed;
        /// Log file, rotated at 10 MB, 5 kept; empty = stderr only
        LOG_FILE log_file: LogFile = "logs/app.log", typed, takes_empty: true;
        /// Lines of text, or json: an object a line
        LOG_FORMAT log_format: LogFormat = "text", one_of(LogFormat::NAMES);
    }
    "Webhooks" {
        /// Where webhooks may go: public, private, loopback, or networks, separated by commas
        WEBHOOK_NETWORKS webhook_networks: Option<Networks>, typed,
            default_says: Some("public,private,loopback in development, public in production");
        /// Certificates to trust instead of the system's, as PEM
        WEBHOOK_CA_FILE webhook_ca_file: Option<PathBuf>, path;
    }
    "Keeping" {
        /// Hours that the answers to idempotency keys are kept
        IDEMPOTENCY_KEEP_HOURS idempotency_keep_hours: u32 = "24", number(1, 8760);
        /// Days that events are kept; 0 = no feed
        EVENTS_KEEP_DAYS events_keep_days: u32 = "30", number(0, 36_500);
        /// Folder of scheduled backups; without one there are none
        BACKUP_DIR backup_dir: Option<PathBuf>, path;
        /// Time between them, as in 30m, 24h or 7d
        BACKUP_INTERVAL backup_interval: Interval = "24h", typed;
        /// How many of them are kept
        BACKUP_KEEP backup_keep: u32 = "7", number(1, 10_000);
    }
}

/// The setting of that name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain at first, then upgraded; a server that can't is not used
    Starttls,
    /// Encrypted from the first byte
    Implicit,
    /// Not at all; credentials are then sent to loopback only
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// An object a line
    Json,
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

    /// Where webhooks may go.
    pub fn networks_of_webhooks(&self) -> Networks {
        match (&self.webhook_networks, self.environment) {
            (Some(networks), _) => networks.clone(),
            (None, Environment::Development) => Networks::everywhere(),
            (None, Environment::Production) => Networks::public(),
        }
    }

    pub fn max_connections_per_client(&self) -> u32 {
        self.http_max_connections_per_client.unwrap_or((self.http_max_connections / 4).max(1))
    }

    pub fn log_path(&self) -> Option<&Path> {
        self.log_file.path()
    }

    pub fn rate_window(&self) -> Duration {
        Duration::from_secs(self.rate_limit_window.into())
    }

    /// Orders of one user in a window; 0 = no limit.
    pub fn orders_per_window(&self) -> u32 {
        self.rate_limit_orders.unwrap_or(self.rate_limit_requests)
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
    pub const NAMES: &[(&str, Environment)] =
        &[("development", Environment::Development), ("production", Environment::Production)];

    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Development => "development",
            Environment::Production => "production",
        }
    }

    /// The file in the working directory that fills what the environment leaves out.
    pub fn settings_file(self) -> &'static str {
        match self {
            Environment::Development => ".env.dev",
            Environment::Production => ".env.prod",
        }
    }
}

impl Switch {
    pub const NAMES: &[(&str, Switch)] = &[("on", Switch::On), ("off", Switch::Off)];
}

impl SmtpTls {
    pub const NAMES: &[(&str, SmtpTls)] = &[
        ("starttls", SmtpTls::Starttls),
        ("implicit", SmtpTls::Implicit),
        ("none", SmtpTls::None),
    ];
}

impl LogFormat {
    pub const NAMES: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
}

fn algorithm(text: &str) -> Result<String, String> {
    match text {
        "HS256" => Ok(text.to_owned()),
        _ => Err("must be HS256".into()),
    }
}
