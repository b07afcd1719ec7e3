//! Rules that a single setting's bounds can't express: between settings, and about secrets.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;

use crate::domain::{EmailAddress, Password, Username, password};

use super::error::SettingError;
use super::given::Values;
use super::parse::is_loopback;
use super::settings::{Config, DEFAULT_ADMIN_PASSWORD, SmtpTls};

/// The setting that breaks a rule, and what is allowed.
type Checked = Result<(), (&'static str, String)>;

/// Most bytes of a request's head and body together: the airlock takes both in one write.
const MAX_REQUEST_BYTES: u32 = 131_072;
/// Shortest key in production, in bytes: as long as the hash of HS256 (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Shortest key in development, in bytes: the JWT library refuses shorter ones.
const MIN_SECRET_BYTES_ANYWHERE: usize = 12;
/// Keys that the old service published in its repository.
const PUBLISHED_KEYS: [&str; 2] = ["dev-secret-key", "dev-secret-key-change-in-production"];

impl Config {
    /// All rules.
    pub(super) fn check(&self, values: &Values) -> Result<(), SettingError> {
        let faults = [
            check_secret_key(self),
            check_admin(self),
            check_mail(self),
            check_paths(self),
            check_http(self, values),
        ];
        match faults.into_iter().find_map(Result::err) {
            Some((setting, allowed)) => Err(values.refuse(setting, &allowed)),
            None => Ok(()),
        }
    }

    /// What is allowed and hardly meant.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut warn = |odd: bool, text: &str| {
            if odd {
                warnings.push(text.to_owned());
            }
        };
        let has_server = self.smtp_server.is_some();
        warn(
            self.is_production() && !has_server,
            "no mail leaves this host: SMTP_SERVER is not set, and mails become files in MAIL_DIR",
        );
        warn(
            !has_server && (self.email_user.is_some() || self.email_pass.is_some()),
            "EMAIL_USER and EMAIL_PASS are not used without SMTP_SERVER",
        );
        warn(
            has_server && self.email_from.domain().eq_ignore_ascii_case("localhost"),
            "EMAIL_FROM is an address on localhost, which most mail servers refuse",
        );
        warnings
    }
}

fn check_secret_key(config: &Config) -> Checked {
    let Some(key) = &config.secret_key else { return Ok(()) };
    if PUBLISHED_KEYS.contains(&key.expose()) {
        return refuse("SECRET_KEY", "this key is published; choose another or leave it out");
    }
    if config.is_production() && key.expose().len() < MIN_SECRET_BYTES {
        return refuse("SECRET_KEY", "must have at least 32 bytes in production");
    }
    if key.expose().len() < MIN_SECRET_BYTES_ANYWHERE {
        return refuse("SECRET_KEY", "must have at least 12 bytes");
    }
    Ok(())
}

fn check_admin(config: &Config) -> Checked {
    if Username::parse(&config.admin_username).is_err() {
        let allowed = "must have 1 to 64 characters, none of them invisible";
        return refuse("ADMIN_USERNAME", allowed);
    }
    if EmailAddress::parse(&config.admin_email).is_err() {
        let allowed = "must be an email address";
        return refuse("ADMIN_EMAIL", allowed);
    }
    let Some(given) = &config.admin_password else { return Ok(()) };
    if given.expose() != DEFAULT_ADMIN_PASSWORD {
        return match Password::parse(given.expose()) {
            Some(_) => Ok(()),
            None => refuse("ADMIN_PASSWORD", password::POLICY),
        };
    }
    if config.is_production() {
        let allowed =
            "the published password is refused in production; choose another or leave it out";
        return refuse("ADMIN_PASSWORD", allowed);
    }
    Ok(())
}

fn check_mail(config: &Config) -> Checked {
    if config.smtp_helo.as_deref().is_some_and(|name| !could_follow_ehlo(name)) {
        return refuse("SMTP_HELO", "must be a domain name, or an address in brackets");
    }
    let Some(server) = &config.smtp_server else { return Ok(()) };
    match (&config.email_user, &config.email_pass) {
        (Some(_), None) => return refuse("EMAIL_PASS", "is needed beside EMAIL_USER"),
        (None, Some(_)) => return refuse("EMAIL_USER", "is needed beside EMAIL_PASS"),
        _ => {}
    }
    if config.smtp_tls == SmtpTls::None && config.email_user.is_some() && !is_loopback(server) {
        return refuse(
            "SMTP_TLS",
            "with credentials must be starttls or implicit, except to loopback",
        );
    }
    Ok(())
}

/// Checks what the service only reads. [`Config::try_folders`] tries what it writes to.
fn check_paths(config: &Config) -> Checked {
    let folder = config.templates_dir.as_deref();
    require("TEMPLATES_DIR", folder, "a folder", Metadata::is_dir)?;
    require("SMTP_CA_FILE", config.smtp_ca_file.as_deref(), "a file", Metadata::is_file)?;
    require("WEBHOOK_CA_FILE", config.webhook_ca_file.as_deref(), "a file", Metadata::is_file)
}

/// What isn't there and what this user can't reach are mended differently.
fn require(
    setting: &'static str,
    path: Option<&Path>,
    kind: &str,
    is_it: impl Fn(&Metadata) -> bool,
) -> Checked {
    let Some(path) = path else { return Ok(()) };
    match path.metadata() {
        Ok(found) if is_it(&found) => Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            refuse(setting, format!("must be {kind} that can be reached: {error}"))
        }
        _ => refuse(setting, format!("must be {kind} that is there")),
    }
}

fn check_http(config: &Config, values: &Values) -> Checked {
    const BODY: &str = "HTTP_MAX_BODY_BYTES";
    const HEAD: &str = "HTTP_MAX_HEAD_BYTES";
    if config.http_max_body_bytes + config.http_max_head_bytes <= MAX_REQUEST_BYTES {
        return Ok(());
    }
    let (setting, other) = if values.is_default(BODY) { (HEAD, BODY) } else { (BODY, HEAD) };
    refuse(setting, format!("with {other} at most {MAX_REQUEST_BYTES} together"))
}

/// A name's characters, and those of `[192.0.2.1]` and `[IPv6:2001:db8::1]`.
fn could_follow_ehlo(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    name.len() <= 255 && name.bytes().all(fits)
}

fn refuse(setting: &'static str, allowed: impl Into<String>) -> Checked {
    Err((setting, allowed.into()))
}
