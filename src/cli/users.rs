//! `orderd user …`: accounts, with the server stopped.

use std::io::{self, BufRead, IsTerminal};

use clap::{Args, Subcommand, ValueEnum};

use crate::app::{Dependencies, Foundation};
use crate::domain::{EmailAddress, NewUser, Password, Role, User, UserId, Username, password};
use crate::service::{Caller, Context, Service};

use super::error::{CommandError, failed};
use super::output::say;
use super::place::Place;

/// Longest line that is read as a password, in bytes.
const MAX_PASSWORD_LINE: u64 = 4096;
const PAGE: usize = 1000;

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
        #[arg(long, value_enum, default_value = "user")]
        role: RoleArg,
    },
    /// List all users
    List,
    /// Give a user another password, and end the user's tokens
    Passwd { username: String },
    /// Keep a user out, and end the user's tokens
    Disable { username: String },
    /// Let a user in again
    Enable { username: String },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    User,
    Admin,
}

pub fn run(args: UserArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    if !config.database_path().exists() {
        let path = config.database_path().display();
        return Err(failed(format!("there is no database at {path}; `orderd init` makes one")));
    }
    let foundation = Foundation::open(&config, &Dependencies::default()).map_err(failed)?;
    let done = act(&foundation.service, args.command);
    foundation.store.close();
    done
}

fn act(service: &Service, command: UserCommand) -> Result<(), CommandError> {
    let (cx, caller) = (Context::local(), Caller::Operator);
    match command {
        UserCommand::Add { username, email, role } => {
            let username = Username::parse(&username)
                .map_err(|_| failed("a name has 1 to 64 characters, none of them invisible"))?;
            let email =
                EmailAddress::parse(&email).map_err(|_| failed("that is no email address"))?;
            let role = match role {
                RoleArg::User => Role::User,
                RoleArg::Admin => Role::Admin,
            };
            let password = ask_password()?;
            let new = NewUser { username, email, password, role };
            let user = service.register(&cx, &caller, new).map_err(failed)?;
            say(&format!("made user {}", describe(&user)))
        }
        UserCommand::List => list(service),
        UserCommand::Passwd { username } => {
            let user = require_user(service, &username)?;
            let password = ask_password()?;
            service.set_password(&cx, &caller, user, &password).map_err(failed)?;
            say("the password is changed, and the user's tokens have ended")
        }
        UserCommand::Disable { username } => set_disabled(service, &username, true),
        UserCommand::Enable { username } => set_disabled(service, &username, false),
    }
}

fn list(service: &Service) -> Result<(), CommandError> {
    let mut after = UserId(0);
    loop {
        let users =
            service.users(&Context::local(), &Caller::Operator, after, PAGE).map_err(failed)?;
        let Some(last) = users.last() else { return Ok(()) };
        after = last.id;
        users.iter().try_for_each(|user| say(&describe(user)))?;
    }
}

fn set_disabled(service: &Service, username: &str, disabled: bool) -> Result<(), CommandError> {
    let user = require_user(service, username)?;
    let user = service
        .set_disabled(&Context::local(), &Caller::Operator, user, disabled)
        .map_err(failed)?;
    say(&describe(&user))
}

fn require_user(service: &Service, username: &str) -> Result<UserId, CommandError> {
    let found = service.user_named(username).map_err(failed)?;
    found.map(|user| user.id).ok_or_else(|| failed("there is no user of that name"))
}

fn describe(user: &User) -> String {
    let state = if user.disabled { "disabled" } else { "enabled" };
    let (id, role) = (user.id, user.role.as_str());
    // Names have no control characters, so that each user is one line.
    format!("{id}\t{}\t{}\t{role}\t{state}\t{}", user.username, user.email, user.created_at)
}

/// Reads a password without echo from a terminal, or else the first line of standard input.
/// It is never an argument, because every user of the host can read those.
fn ask_password() -> Result<Password, CommandError> {
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
    Password::parse(&line).ok_or_else(|| failed(password::POLICY))
}
