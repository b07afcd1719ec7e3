//! What no single setting shows: rules between settings, and about secrets.

use std::fmt::{self, Write};

use super::{Config, DEFAULT_ADMIN_PASSWORD, SmtpTls};
use crate::domain::{EmailAddress, Password, Username, password};

/// Head and body of one request, together: what goes through the airlock in one piece.
const MAX_REQUEST_BYTES: u32 = 131_072;
/// In production, for HS256: as long as its hash.
const MIN_SECRET_BYTES: usize = 32;
/// Anywhere; a shorter one is refused by the JWT library too.
const MIN_SECRET_BYTES_ANYWHERE: usize = 12;
/// What the old service published in its repository.
const PUBLISHED_KEYS: [&str; 2] = ["dev-secret-key", "dev-secret-key-change-in-production"];

/// A setting that can't be used; prints as one line, secrets masked.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingError {
    pub setting: String,
    pub value: String,
    pub allowed: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{}={}: {}", self.setting, self.value, self.allowed);
        // A line break or an escape sequence in a value would be more than one line.
        line.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

impl std::error::Error for SettingError {}

const MASK: &str = "**********";

pub(super) fn check(config: &Config) -> Result<(), SettingError> {
    check_secret_key(config)?;
    check_admin(config)?;
    check_mail(config)?;
    check_paths(config)?;
    check_http(config)
}

fn check_secret_key(config: &Config) -> Result<(), SettingError> {
    let Some(key) = &config.secret_key else { return Ok(()) };
    if PUBLISHED_KEYS.contains(&key.expose()) {
        return refuse("SECRET_KEY", MASK, "this key is published; choose another or leave it out");
    }
    if config.is_production() && key.expose().len() < MIN_SECRET_BYTES {
        return refuse("SECRET_KEY", MASK, "must have at least 32 bytes in production");
    }
    if key.expose().len() < MIN_SECRET_BYTES_ANYWHERE {
        return refuse("SECRET_KEY", MASK, "must have at least 12 bytes");
    }
    Ok(())
}

fn check_admin(config: &Config) -> Result<(), SettingError> {
    if Username::parse(&config.admin_username).is_err() {
        let allowed = "must have 1 to 64 characters and no control characters";
        return refuse("ADMIN_USERNAME", &format!("{:?}", config.admin_username), allowed);
    }
    if EmailAddress::parse(&config.admin_email).is_err() {
        let allowed = "must be an email address";
        return refuse("ADMIN_EMAIL", &format!("{:?}", config.admin_email), allowed);
    }
    let Some(given) = &config.admin_password else { return Ok(()) };
    if given.expose() != DEFAULT_ADMIN_PASSWORD {
        return match Password::parse(given.expose()) {
            Some(_) => Ok(()),
            None => refuse("ADMIN_PASSWORD", MASK, password::POLICY),
        };
    }
    if config.is_production() {
        let allowed =
            "the published password is refused in production; choose another or leave it out";
        return refuse("ADMIN_PASSWORD", MASK, allowed);
    }
    Ok(())
}

fn check_mail(config: &Config) -> Result<(), SettingError> {
    let Some(server) = &config.smtp_server else { return Ok(()) };
    if !could_be_host(server) {
        return refuse("SMTP_SERVER", &format!("{server:?}"), "must be a host name or an address");
    }
    if config.email_pass.is_some() != config.email_user.is_some() {
        let (setting, other) = match config.email_user {
            Some(_) => ("EMAIL_PASS", "EMAIL_USER"),
            None => ("EMAIL_USER", "EMAIL_PASS"),
        };
        return refuse(setting, "(unset)", &format!("is needed beside {other}"));
    }
    if config.smtp_tls == SmtpTls::None && config.email_user.is_some() && !is_loopback(server) {
        let allowed = "with credentials must be starttls or implicit, except to loopback";
        return refuse("SMTP_TLS", "none", allowed);
    }
    Ok(())
}

/// What must be there already; folders that are written to are made when they are needed.
fn check_paths(config: &Config) -> Result<(), SettingError> {
    if let Some(folder) = config.templates_dir.as_deref().filter(|folder| !folder.is_dir()) {
        return refuse("TEMPLATES_DIR", &folder.to_string_lossy(), "must be a folder");
    }
    if let Some(file) = config.smtp_ca_file.as_deref().filter(|file| !file.is_file()) {
        return refuse("SMTP_CA_FILE", &file.to_string_lossy(), "must be a file");
    }
    Ok(())
}

fn check_http(config: &Config) -> Result<(), SettingError> {
    if !could_be_host(&config.host) {
        return refuse("HOST", &config.host, "must be a host name or an address");
    }
    let together = config.http_max_body_bytes + config.http_max_head_bytes;
    if together > MAX_REQUEST_BYTES {
        let allowed = format!("with HTTP_MAX_HEAD_BYTES at most {MAX_REQUEST_BYTES} together");
        return refuse("HTTP_MAX_BODY_BYTES", &config.http_max_body_bytes.to_string(), &allowed);
    }
    Ok(())
}

fn could_be_host(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/')
}

/// By name or by address, without asking a resolver.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

fn refuse(setting: &str, value: &str, allowed: &str) -> Result<(), SettingError> {
    Err(SettingError { setting: setting.into(), value: value.into(), allowed: allowed.into() })
}
