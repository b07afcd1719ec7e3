//! `orderd log-level`: what the running service's log tells.

use clap::Args;
use serde_json::json;

use crate::config::LogLevel;

use super::error::{CommandError, failed_at};
use super::operator::{Operator, socket_path};
use super::output::say;
use super::place::Place;

#[derive(Debug, Args)]
pub struct LogLevelArgs {
    /// debug, info, warning, error or critical
    #[arg(value_parser = |text: &str| text.parse::<LogLevel>().map(|_| text.to_owned()))]
    level: String,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// No service runs: a stopped one takes its level from `LOG_LEVEL`.
pub fn run(args: LogLevelArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let Some(mut operator) = Operator::connect_to_running(&config)? else {
        let why = "no service listens there; one that starts obeys LOG_LEVEL";
        return Err(failed_at(&socket_path(&config), why));
    };
    operator.post("/admin/log-level", Some(&json!({ "level": args.level })))?;
    say(&format!("the log's level is {} until the service is started again", args.level))
}
