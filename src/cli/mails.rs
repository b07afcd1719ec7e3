//! `orderd mails …`: the outbox.

use clap::{Args, Subcommand};

use crate::store::PAGE_ROWS;

use super::error::CommandError;
use super::operator::Operator;
use super::place::Place;
use super::table::{self, Column};

const COLUMNS: [Column; 8] = [
    ("ID", "id"),
    ("ORDER", "order_id"),
    ("KIND", "kind"),
    ("TO", "to"),
    ("STATE", "state"),
    ("TRIED", "attempts"),
    ("NEXT", "next_attempt_at"),
    ("ERROR", "last_error"),
];

#[derive(Debug, Args)]
pub struct MailArgs {
    #[command(subcommand)]
    command: MailCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum MailCommand {
    /// List mails
    List {
        #[arg(long, default_value = "pending", value_parser = ["pending", "sent", "dead", "all"])]
        state: String,
        /// Only those of this order
        #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
        order: Option<u64>,
        /// At most so many, the oldest first
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=PAGE_ROWS as u64))]
        limit: u64,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Have a mail that was given up tried again, and one that waits tried at once
    Retry { id: u64 },
}

pub fn run(args: MailArgs) -> Result<(), CommandError> {
    let mut operator = Operator::connect(&args.place.config()?)?;
    match args.command {
        MailCommand::List { state, order, limit, json } => {
            let order = order.map(|id| format!("&order_id={id}")).unwrap_or_default();
            let page = operator.get(&format!("/emails/?state={state}&limit={limit}{order}"))?;
            table::print(&COLUMNS, page["emails"].as_array().map_or(&[], Vec::as_slice), json)
        }
        MailCommand::Retry { id } => {
            let mail = operator.post(&format!("/emails/{id}/retry"), None)?;
            table::print(&COLUMNS, &[mail], false)
        }
    }
}
