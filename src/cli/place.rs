//! Which database a command works on, and the settings that it finds.

use clap::{Args, Parser};

use crate::config::Config;

use super::error::CommandError;

#[derive(Debug, Args)]
pub struct Place {
    /// The embedded store's file [default: redb://./data/orders.redb]
    #[arg(long, env, global = true)]
    database_url: Option<String>,
}

/// All settings, as the environment has them.
#[derive(Debug, Parser)]
struct Environment {
    #[command(flatten)]
    config: Config,
}

impl Place {
    pub fn config(&self) -> Result<Config, CommandError> {
        let mut args = vec!["orderd".to_owned()];
        if let Some(url) = &self.database_url {
            args.extend(["--database-url".to_owned(), url.clone()]);
        }
        let environment = Environment::try_parse_from(args).map_err(CommandError::Clap)?;
        environment.config.checked().map_err(CommandError::Setting)
    }
}
