//! `orderd orders`: orders, listed.

use std::io;

use clap::Args;

use crate::store::PAGE_ROWS;

use super::error::{CommandError, failed};
use super::operator::Operator;
use super::place::Place;
use super::table::{self, Column};

/// A simple order has no more than the first four.
const COLUMNS: [Column; 8] = [
    ("ID", "id"),
    ("USER", "user_id"),
    ("SUCCESS", "success"),
    ("PLACED", "created_at"),
    ("STATUS", "status"),
    ("REFERENCE", "reference_id"),
    ("TOTAL", "total"),
    ("PAID", "payment_status"),
];

#[derive(Debug, Args)]
pub struct OrderArgs {
    /// At most so many, the newest first
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=PAGE_ROWS as u64))]
    limit: u64,
    /// Only this user's, by number
    #[arg(long)]
    user: Option<u64>,
    /// Only those that succeeded, or failed
    #[arg(long)]
    success: Option<bool>,
    /// Only those in this status, or in one of several: pending,processing
    #[arg(long)]
    status: Option<String>,
    /// Only those whose customer, reference or number has words that begin so
    #[arg(long)]
    find: Option<String>,
    /// From this day or second on, UTC
    #[arg(long)]
    from: Option<String>,
    /// Up to this day or second, included, UTC
    #[arg(long)]
    to: Option<String>,
    /// All that match as CSV, the oldest first, however many, with every column
    #[arg(long, conflicts_with_all = ["json", "limit"])]
    csv: bool,
    /// For programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub fn run(args: OrderArgs) -> Result<(), CommandError> {
    let mut operator = Operator::connect(&args.place.config()?)?;
    let filters = filters(&args);
    if args.csv {
        let mut response =
            operator.download(&format!("/orders/?format=csv&columns=full{filters}"))?;
        io::copy(&mut response, &mut io::stdout().lock()).map_err(failed)?;
        return Ok(());
    }
    let target = format!("/orders/?order=desc&limit={}{filters}", args.limit);
    let page = operator.get(&target)?;
    table::print(&COLUMNS, page["orders"].as_array().map_or(&[], Vec::as_slice), args.json)
}

fn filters(args: &OrderArgs) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let given = [
        ("user_id", args.user.map(|user| user.to_string())),
        ("success", args.success.map(|success| success.to_string())),
        ("status", args.status.clone()),
        ("q", args.find.clone()),
        ("created_from", args.from.clone()),
        ("created_to", args.to.clone()),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    match query.finish() {
        none if none.is_empty() => none,
        some => format!("&{some}"),
    }
}
