//! `orderd webhooks …`: who is told of events.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CommandError;
use super::operator::Operator;
use super::output::say;
use super::place::Place;
use super::table::{self, Column};

const COLUMNS: [Column; 8] = [
    ("ID", "id"),
    ("URL", "url"),
    ("STATE", "state"),
    ("CURSOR", "cursor"),
    ("BACKLOG", "backlog"),
    ("FAILING SINCE", "failing_since"),
    ("NEXT", "next_attempt_at"),
    ("ERROR", "last_error"),
];

const ATTEMPT_COLUMNS: [Column; 6] = [
    ("AT", "at"),
    ("EVENT", "event_id"),
    ("STATUS", "status"),
    ("MS", "ms"),
    ("ERROR", "error"),
    ("ANSWER", "answer"),
];

#[derive(Debug, Args)]
pub struct WebhookArgs {
    #[command(subcommand)]
    command: WebhookCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum WebhookCommand {
    /// List all webhooks
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// List the last attempts of one, the newest first
    Attempts {
        id: u64,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Make one, and print its secret
    Add {
        url: String,
        /// Only these types, separated by commas
        #[arg(long, value_delimiter = ',')]
        types: Vec<String>,
        #[arg(long)]
        description: Option<String>,
    },
    /// Have one go on where it stopped
    Enable { id: u64 },
    /// Have one stop
    Disable { id: u64 },
    /// Remove one
    Delete { id: u64 },
    /// Give one another secret, and print it; the old one signs too for a day
    Rotate { id: u64 },
    /// Have one go on behind that event: back, or past some
    Seek { id: u64, after: u64 },
    /// Send one an event of the type webhook.test
    Test { id: u64 },
}

pub fn run(args: WebhookArgs) -> Result<(), CommandError> {
    let mut operator = Operator::connect(&args.place.config()?)?;
    match args.command {
        WebhookCommand::List { json } => {
            let list = operator.get("/webhooks/")?;
            table::print(&COLUMNS, items(&list["webhooks"]), json)
        }
        WebhookCommand::Attempts { id, json } => {
            let webhook = operator.get(&format!("/webhooks/{id}"))?;
            table::print(&ATTEMPT_COLUMNS, items(&webhook["attempts"]), json)
        }
        WebhookCommand::Add { url, types, description } => {
            let types = (!types.is_empty()).then_some(types);
            let new = json!({ "url": url, "types": types, "description": description });
            print_secret(operator.post("/webhooks/create", Some(&new))?)
        }
        WebhookCommand::Rotate { id } => {
            print_secret(operator.post(&format!("/webhooks/{id}/rotate"), None)?)
        }
        WebhookCommand::Delete { id } => {
            operator.post(&format!("/webhooks/{id}/delete"), None)?;
            say(&format!("webhook {id} is gone"))
        }
        WebhookCommand::Seek { id, after } => {
            let place = json!({ "after": after });
            print(operator.post(&format!("/webhooks/{id}/seek"), Some(&place))?)
        }
        WebhookCommand::Test { id } => {
            let attempt = operator.post(&format!("/webhooks/{id}/test"), None)?;
            table::print(&ATTEMPT_COLUMNS, &[attempt], false)
        }
        WebhookCommand::Enable { id } => {
            print(operator.post(&format!("/webhooks/{id}/enable"), None)?)
        }
        WebhookCommand::Disable { id } => {
            print(operator.post(&format!("/webhooks/{id}/disable"), None)?)
        }
    }
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn print(webhook: Value) -> Result<(), CommandError> {
    table::print(&COLUMNS, &[webhook], false)
}

fn print_secret(webhook: Value) -> Result<(), CommandError> {
    let secret = webhook["secret"].as_str().unwrap_or_default().to_owned();
    print(webhook)?;
    say(&format!("its secret, shown once: {secret}"))
}
