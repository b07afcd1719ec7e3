//! The first admin, and the password that it begins with.

use std::net::TcpListener;

use crate::auth::write_private;
use crate::config::{AllowedOrigins, Config, DEFAULT_ADMIN_PASSWORD};
use crate::domain::{EmailAddress, Password, Username};
use crate::service::{NewAdmin, Service};

use super::start_error::StartError;

/// Where a password that was made up lies, beside the database.
const INITIAL_PASSWORD_FILE: &str = "initial-admin-password";

/// Makes the first admin if there is no user yet, and says what it did.
pub fn seed(config: &Config, service: &Service) -> Result<Option<String>, StartError> {
    if service.has_users().map_err(StartError::of)? {
        return Ok(None);
    }
    let (password, source) = first_password(config)?;
    let is_default_password = password.as_str() == DEFAULT_ADMIN_PASSWORD;
    let unfit = |_| StartError::Failed("the first admin's name or address is not valid".into());
    let admin = NewAdmin {
        username: Username::parse(&config.admin_username).map_err(unfit)?,
        email: EmailAddress::parse(&config.admin_email).map_err(unfit)?,
        password,
        is_default_password,
    };
    let created = service.create_first_admin(admin).map_err(StartError::of)?;
    Ok(created.map(|user| {
        format!("made the first admin, {:?}; the password is {source}", user.username.as_str())
    }))
}

/// The password, and where it can be found. One that is made up is on disk before it is used.
fn first_password(config: &Config) -> Result<(Password, String), StartError> {
    if let Some(given) = &config.admin_password {
        return Ok((
            Password::given(given.expose().to_owned()),
            "the one in ADMIN_PASSWORD".into(),
        ));
    }
    if !config.is_production() {
        let published = Password::given(DEFAULT_ADMIN_PASSWORD.to_owned());
        return Ok((published, format!("{DEFAULT_ADMIN_PASSWORD}, the default")));
    }
    let made = Service::random_password().map_err(StartError::of)?;
    let path = config.beside_database(INITIAL_PASSWORD_FILE);
    write_private(&path, made.as_str()).map_err(|why| StartError::at(&path, why))?;
    Ok((made, format!("in {}", path.display())))
}

/// Warns while the published default password works; in production, refuses to start.
pub(super) fn check_published_password(
    config: &Config,
    service: &Service,
    at: &TcpListener,
) -> Result<(), StartError> {
    let Some(user) = service.user_with_default_password().map_err(StartError::of)? else {
        return Ok(());
    };
    let name = user.username.as_str();
    if config.is_production() {
        return Err(StartError::Unusable(format!(
            "user {name:?} still has the published default password, which production \
             refuses; set another with `orderd user passwd {name}`"
        )));
    }
    let pages = match config.allowed_origins() == AllowedOrigins::Any {
        true => {
            "; any web page that a browser on this machine opens can log in with it and read the \
             answers, since CORS_ALLOW_ORIGINS is *"
        }
        false => "",
    };
    if at.local_addr().is_ok_and(Config::is_exposed) {
        log::error!(
            "ANYONE who reaches this port can be admin: user {name:?} still has the published default \
             password; change it now{pages}"
        );
    } else {
        log::warn!("user {name:?} still has the published default password; change it{pages}");
    }
    Ok(())
}

/// The file is for whoever logs in first; after that it is only a risk.
pub(super) fn warn_of_initial_password(config: &Config) {
    let path = config.beside_database(INITIAL_PASSWORD_FILE);
    if path.exists() {
        let path = path.display();
        log::warn!("the first admin's password is in {path}: log in, change it, remove the file");
    }
}
