//! Rules that a single setting's bounds can't express: between settings, and about secrets.

use crate::domain::{EmailAddress, Password, Username, password};

use super::error::SettingError;
use super::settings::{Config, DEFAULT_ADMIN_PASSWORD, SmtpTls};

/// Most bytes of a request's head and body together: the airlock takes both in one write.
const MAX_REQUEST_BYTES: u32 = 131_072;
/// Shortest key in production, in bytes: as long as the hash of HS256 (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Shortest key in development, in bytes: the JWT library refuses shorter ones.
const MIN_SECRET_BYTES_ANYWHERE: usize = 12;
/// Keys that the old service published in its repository.
const PUBLISHED_KEYS: [&str; 2] = ["dev-secret-key", "dev-secret-key-change-in-production"];

const MASK: &str = "**********";

impl Config {
    /// Takes empty texts for absent settings, and checks all rules.
    pub fn checked(mut self) -> Result<Config, SettingError> {
        for text in [&mut self.smtp_server, &mut self.email_user] {
            text.take_if(|text| text.is_empty());
        }
        for secret in [&mut self.secret_key, &mut self.admin_password, &mut self.email_pass] {
            secret.take_if(|secret| secret.expose().is_empty());
        }
        for path in [&mut self.smtp_ca_file, &mut self.templates_dir, &mut self.backup_dir] {
            path.take_if(|path| path.as_os_str().is_empty());
        }
        check_secret_key(&self)?;
        check_admin(&self)?;
        check_mail(&self)?;
        check_paths(&self)?;
        check_http(&self)?;
        Ok(self)
    }
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
        let allowed = "must have 1 to 64 characters, none of them invisible";
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

/// Checks what the service only reads. Folders that it writes to are made when needed.
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

/// Decided from the text alone, without a name lookup.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

fn refuse(setting: &str, value: &str, allowed: &str) -> Result<(), SettingError> {
    Err(SettingError { setting: setting.into(), value: value.into(), allowed: allowed.into() })
}
