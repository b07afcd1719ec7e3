//! `orderd user …`: accounts.

use std::io::{self, BufRead, IsTerminal};

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::domain::{Password, Username, password};
use crate::store::PAGE_ROWS;

use super::error::{CommandError, failed};
use super::operator::Operator;
use super::output::say;
use super::place::Place;
use super::table::{self, Column};

/// Longest line that is read as a password, in bytes.
const MAX_PASSWORD_LINE: u64 = 4096;

#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make a user; the password is asked for, or read from standard input
    Add {
        username: String,
        email: String,
        #[arg(long, default_value = "user", value_parser = ["user", "admin"])]
        role: String,
    },
    /// List all users
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Give a user another password, and end the user's tokens
    Passwd { username: String },
    /// Keep a user out, and end the user's tokens
    Disable { username: String },
    /// Let a user in again
    Enable { username: String },
    /// Give a user another name, address or role; another name or role ends the user's tokens
    #[command(group = ArgGroup::new("change").required(true).multiple(true))]
    Update {
        username: String,
        /// The new name
        #[arg(long, group = "change")]
        name: Option<String>,
        #[arg(long, group = "change")]
        email: Option<String>,
        #[arg(long, group = "change", value_parser = ["user", "admin"])]
        role: Option<String>,
    },
}

const COLUMNS: [Column; 6] = [
    ("ID", "id"),
    ("NAME", "username"),
    ("EMAIL", "email"),
    ("ROLE", "role"),
    ("DISABLED", "disabled"),
    ("SINCE", "created_at"),
];

pub fn run(args: UserArgs) -> Result<(), CommandError> {
    let mut operator = Operator::connect(&args.place.config()?)?;
    match args.command {
        UserCommand::Add { username, email, role } => {
            let new = json!({
                "username": username, "email": email, "role": role, "password": ask_password()?,
            });
            let user = operator.post("/auth/register", Some(&new))?;
            let name = user["username"].as_str().unwrap_or_default();
            say(&format!("made user {name}, number {}", user["id"]))
        }
        UserCommand::List { json } => {
            let users = users(&mut operator, None)?;
            table::print(&COLUMNS, &users, json)
        }
        UserCommand::Passwd { username } => {
            let user = require_user(&mut operator, &username)?;
            let password = json!({ "new_password": ask_password()? });
            operator.post(&format!("/auth/users/{user}/password"), Some(&password))?;
            say("the password is changed, and the user's tokens have ended")
        }
        UserCommand::Disable { username } => set_disabled(&mut operator, &username, "disable"),
        UserCommand::Enable { username } => set_disabled(&mut operator, &username, "enable"),
        UserCommand::Update { username, name, email, role } => {
            let given = [("username", name), ("email", email), ("role", role)];
            let given = given.into_iter().filter_map(|(field, text)| Some((field, text?)));
            let change = given.map(|(field, text)| (field.to_owned(), Value::from(text)));
            let change = Value::Object(change.collect::<Map<_, _>>());
            let user = require_user(&mut operator, &username)?;
            let user = operator.post(&format!("/auth/users/{user}/update"), Some(&change))?;
            table::print(&COLUMNS, &[user], false)
        }
    }
}

fn set_disabled(operator: &mut Operator, username: &str, action: &str) -> Result<(), CommandError> {
    let user = require_user(operator, username)?;
    let user = operator.post(&format!("/auth/users/{user}/{action}"), None)?;
    table::print(&COLUMNS, &[user], false)
}

/// All users; those whose name or address begins with `prefix` where there is one.
pub fn users(operator: &mut Operator, prefix: Option<&str>) -> Result<Vec<Value>, CommandError> {
    let mut users = Vec::new();
    let mut after = String::new();
    let q = prefix.map_or(String::new(), |prefix| {
        let encoded: String = form_urlencoded::byte_serialize(prefix.as_bytes()).collect();
        format!("&q={encoded}")
    });
    loop {
        let mut page = operator.get(&format!("/auth/users?limit={PAGE_ROWS}{q}{after}"))?;
        if let Some(page) = page["users"].as_array_mut() {
            users.append(page);
        }
        match page["next"].as_u64() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(users),
        }
    }
}

/// The id of the user of that name, compared as the service compares names. Of users of old who
/// share a name it is the one who is spelt so, if one is.
pub fn require_user(operator: &mut Operator, username: &str) -> Result<u64, CommandError> {
    let nobody = || failed("there is no user of that name");
    let folded = Username::fold(username);
    if folded.is_empty() {
        return Err(nobody());
    }
    let users = users(operator, Some(username))?;
    let is_called = |fits: &dyn Fn(&str) -> bool| {
        let found = users.iter().find(|user| user["username"].as_str().is_some_and(fits));
        found.and_then(|user| user["id"].as_u64())
    };
    let exact = is_called(&|name| name == username);
    exact.or_else(|| is_called(&|name| Username::fold(name) == folded)).ok_or_else(nobody)
}

/// Reads a password without echo from a terminal, or else the first line of standard input.
/// It is never an argument, because every user of the host can read those.
fn ask_password() -> Result<String, CommandError> {
    let line = if io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(failed)?;
        if first != rpassword::prompt_password("Once more: ").map_err(failed)? {
            return Err(failed("the two are not the same"));
        }
        first
    } else {
        let mut line = String::new();
        io::Read::take(io::stdin().lock(), MAX_PASSWORD_LINE)
            .read_line(&mut line)
            .map_err(failed)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    // Judged here, before anything is asked of the service.
    match Password::parse(&line) {
        Some(_) => Ok(line),
        None => Err(failed(password::POLICY)),
    }
}
