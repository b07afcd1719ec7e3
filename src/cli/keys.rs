//! `orderd key …`: keys for machines.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CommandError;
use super::operator::Operator;
use super::output::say;
use super::place::Place;
use super::table::{self, Column};
use super::users::{require_user, users};

#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key that stands for a user; it is printed, and can't be shown again
    Create {
        username: String,
        /// What the key is for
        name: String,
        /// When it ends, as in 2030-01-01T00:00:00Z; never if absent
        #[arg(long)]
        expires_at: Option<String>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// List the keys of all users, or of one, with those that ended in the last 30 days
    List {
        username: Option<String>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// End a key, for good
    Revoke { id: u64 },
}

const COLUMNS: [Column; 7] = [
    ("ID", "id"),
    ("USER", "username"),
    ("NAME", "name"),
    ("SINCE", "created_at"),
    ("EXPIRES", "expires_at"),
    ("LAST USED", "last_used_at"),
    ("REVOKED", "revoked_at"),
];

pub fn run(args: KeyArgs) -> Result<(), CommandError> {
    let mut operator = Operator::connect(&args.place.config()?)?;
    match args.command {
        KeyCommand::Create { username, name, expires_at, json } => {
            let user = require_user(&mut operator, &username)?;
            let new = json!({ "name": name, "expires_at": expires_at });
            let made = operator.post(&format!("/auth/keys/create?user_id={user}"), Some(&new))?;
            if json {
                return say(&made.to_string());
            }
            say(&format!("made key {}; it is shown only here:", made["id"]))?;
            say(made["key"].as_str().unwrap_or_default())
        }
        KeyCommand::List { username, json } => {
            let keys = match username {
                Some(username) => {
                    let user = require_user(&mut operator, &username)?;
                    keys_of(&mut operator, user, &username)?
                }
                None => all_keys(&mut operator)?,
            };
            table::print(&COLUMNS, &keys, json)
        }
        KeyCommand::Revoke { id } => {
            operator.post(&format!("/auth/keys/{id}/revoke"), None)?;
            say(&format!("key {id} is revoked"))
        }
    }
}

/// In the order of the users, and of each the oldest first.
fn all_keys(operator: &mut Operator) -> Result<Vec<Value>, CommandError> {
    let mut keys = Vec::new();
    for user in users(operator, None)? {
        let (id, name) = (user["id"].as_u64(), user["username"].as_str());
        keys.extend(keys_of(operator, id.unwrap_or_default(), name.unwrap_or_default())?);
    }
    Ok(keys)
}

fn keys_of(operator: &mut Operator, user: u64, username: &str) -> Result<Vec<Value>, CommandError> {
    let mut list = operator.get(&format!("/auth/keys/?user_id={user}"))?;
    let keys = list["keys"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let with_user = |mut key: Value| {
        key["username"] = username.into();
        key
    };
    Ok(keys.into_iter().map(with_user).collect())
}
