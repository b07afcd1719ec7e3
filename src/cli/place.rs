//! Which database a command works on, and the settings that it finds.

use clap::Args;

use crate::config::{Config, Flags, Settings};

use super::error::CommandError;
use super::output::warn;

#[derive(Debug, Args)]
pub struct Place {
    /// The embedded store's file [env: DATABASE_URL] [default: redb://./data/orders.redb]
    #[arg(long, global = true)]
    database_url: Option<String>,
}

impl Place {
    pub fn config(&self) -> Result<Config, CommandError> {
        let flags = self.database_url.as_deref().map(|url| Flags::one("DATABASE_URL", url));
        let settings = Settings::load(&flags.unwrap_or_default()).map_err(CommandError::Setting)?;
        warn(&settings.warnings);
        Ok(settings.config)
    }
}
