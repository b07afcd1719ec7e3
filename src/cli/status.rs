//! `orderd status`: whether a service runs, and how it is.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::error::{CommandError, failed};
use super::operator::{Operator, socket_path};
use super::output::say;
use super::place::Place;

/// A service that needs longer is not well.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// For programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// # Errors
/// No service runs, or it is not ready: exit code 1, so that it can be a health check.
pub fn run(args: StatusArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let Some(mut operator) = Operator::connect_to_running(&config)? else {
        let (database, socket) = (config.database_path(), socket_path(&config));
        let (database, socket) = (database.display(), socket.display());
        return Err(failed(format!("no service runs for {database}: none listens at {socket}")));
    };
    operator.wait_at_most(LONGEST_WAIT)?;
    let status = operator.get("/admin/status")?;
    match args.json {
        true => say(&status.to_string())?,
        false => describe(&status)?,
    }
    match status["ready"].as_bool() {
        Some(true) => Ok(()),
        _ => Err(failed(format!("not ready: {}", faults(&status)))),
    }
}

fn describe(status: &Value) -> Result<(), CommandError> {
    let ready = if status["ready"] == true { "ready" } else { "not ready" };
    let text = |key: &str| match &status[key] {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    say(&format!("state        {ready}, since {} UTC", text("started_at")))?;
    say(&format!("version      {} ({})", text("version"), text("environment")))?;
    say(&format!("database     {}", text("database")))?;
    say(&format!("users        {}", text("users")))?;
    say(&format!("orders       {}", text("orders")))?;
    say(&format!("mails        {} waiting, {} dead", text("mails_pending"), text("mails_dead")))?;
    say(&format!("last backup  {}", text("last_backup_at")))
}

fn faults(status: &Value) -> String {
    let faults = status["faults"].as_object();
    let told = faults
        .into_iter()
        .flatten()
        .map(|(check, why)| format!("{check}: {}", why.as_str().unwrap_or_default()));
    told.collect::<Vec<_>>().join("; ")
}
