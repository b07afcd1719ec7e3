//! Commands and exit codes.

mod backups;
mod error;
mod output;
mod place;
mod users;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::api::openapi;
use crate::app::{self, App, Dependencies, Foundation};
use crate::config::{Config, SettingError, is_in_environment, load_env_file};
use crate::logging::Logging;
use crate::sys::{process, signals};

use error::{CommandError, failed};
use output::say;

/// An order service for one host: REST, an embedded store, mail, metrics.
#[derive(Debug, Parser)]
#[command(
    name = "orderd",
    version,
    after_help = "Without a command it serves. `orderd serve --help` shows every setting; each \
                  can be a flag, a variable, or a line in .env.dev (.env.prod in production)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT
    Serve(Box<Config>),
    /// Make the database and the first admin; does nothing that is done already
    Init(Box<Config>),
    /// Make, list and change users, with the server stopped
    User(users::UserArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Copy the database into a checked file, with the server stopped
    Backup(backups::BackupArgs),
    /// Put a checked backup in the database's place, with the server stopped
    Restore(backups::RestoreArgs),
    /// Check the database, row against row, with the server stopped
    Check(backups::CheckArgs),
}

/// Restarts this program with at most two malloc arenas. By default glibc gives each thread
/// an arena of its own and keeps freed memory in it: exports by one thread after the other
/// grew the process from 33 to 125 MiB. glibc reads the setting only at start, and only from
/// the environment. A number that is set there already stays.
pub fn share_arenas() {
    const ARENAS: &str = "MALLOC_ARENA_MAX";
    if cfg!(target_env = "gnu") && !is_in_environment(ARENAS) {
        process::start_over(ARENAS, "2");
    }
}

/// Runs what the command line asks for.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match dispatch(args.into_iter().collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn dispatch(args: Vec<OsString>) -> Result<(), CommandError> {
    refuse_private_flags(&args)?;
    load_env_file().map_err(CommandError::Setting)?;
    match Cli::try_parse_from(with_command(args)).map_err(CommandError::Clap)?.command {
        Command::Serve(config) => serve(&config.checked().map_err(CommandError::Setting)?),
        Command::Init(config) => init(&config.checked().map_err(CommandError::Setting)?),
        Command::User(args) => users::run(args),
        Command::Openapi => print_openapi(),
        Command::Backup(args) => backups::back_up(args),
        Command::Restore(args) => backups::restore(args),
        Command::Check(args) => backups::check(args),
    }
}

/// Secrets come from the environment only: every user of the host can read the arguments of
/// a process. So does `ENVIRONMENT`, which chooses the file that the other settings are in.
fn refuse_private_flags(args: &[OsString]) -> Result<(), CommandError> {
    const PRIVATE: [&str; 4] = ["SECRET_KEY", "ADMIN_PASSWORD", "EMAIL_PASS", "ENVIRONMENT"];
    let named = |arg: &OsString| {
        let arg = arg.to_string_lossy();
        let flag = arg.strip_prefix("--")?.split('=').next()?.replace('-', "_").to_uppercase();
        PRIVATE.into_iter().find(|setting| *setting == flag)
    };
    match args.iter().find_map(named) {
        None => Ok(()),
        Some(setting) => Err(CommandError::Setting(SettingError {
            setting: setting.into(),
            value: "(flag)".into(),
            allowed: "is taken from the environment only".into(),
        })),
    }
}

/// Adds `serve` where no command is named, as in `orderd` and `orderd --port 80`.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let first = args.get(1).map(|arg| arg.to_string_lossy().into_owned());
    let names_one = match first.as_deref() {
        None => false,
        Some("-h" | "--help" | "-V" | "--version") => true,
        Some(first) => !first.starts_with('-'),
    };
    if !names_one {
        args.insert(1.min(args.len()), "serve".into());
    }
    args
}

fn serve(config: &Config) -> Result<(), CommandError> {
    let dependencies = Dependencies::default();
    let _logging =
        Logging::start(config.log_level.0, config.log_path(), dependencies.clock.clone())
            .map_err(|why| log_file_error(config, &why))?;
    let stop = signals::watch().map_err(failed)?;
    let app = App::start(config, &dependencies).map_err(CommandError::Start)?;
    announce(&app);
    // An error means that the thread that watches for signals is gone: nothing else could
    // stop the service any more.
    let _ = stop.recv();
    log::info!("stopping");
    app.stop();
    log::info!("stopped");
    Ok(())
}

/// Prints the address to stdout: with `PORT=0` nobody knows the port before.
fn announce(app: &App) {
    let line = format!("listening on http://{}", app.local_addr());
    log::info!("{line}");
    let mut out = io::stdout().lock();
    // The output may be closed; the service runs all the same.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn init(config: &Config) -> Result<(), CommandError> {
    let path = config.database_path();
    let existed = path.exists();
    let foundation = Foundation::open(config, &Dependencies::default()).map_err(failed)?;
    println!("{} {}", path.display(), if existed { "is there" } else { "made" });
    match app::seed(config, &foundation.service).map_err(failed)? {
        Some(made) => println!("{made}"),
        None => println!("there are users already; none was made"),
    }
    foundation.store.close();
    Ok(())
}

fn print_openapi() -> Result<(), CommandError> {
    say(openapi::document::json())
}

fn log_file_error(config: &Config, why: &io::Error) -> CommandError {
    CommandError::Setting(SettingError {
        setting: "LOG_FILE".into(),
        value: config.log_file.clone(),
        allowed: format!("can't be written: {why}"),
    })
}
