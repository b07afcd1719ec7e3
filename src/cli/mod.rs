//! Commands and exit codes.

mod backups;
mod users;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};

use crate::app::{self, App, Dependencies, Foundation};
use crate::config::{Config, SettingError, is_in_environment, load_env_file, unreadable_variable};
use crate::http;
use crate::logging::Logging;
use crate::sys::{process, signals};

const FAILED: u8 = 1;
const USAGE: u8 = 2;

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

/// Which database a command works on.
#[derive(Debug, Args)]
struct Place {
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
    fn config(&self) -> Result<Config, Stop> {
        let mut args = vec!["orderd".to_owned()];
        if let Some(url) = &self.database_url {
            args.extend(["--database-url".to_owned(), url.clone()]);
        }
        let environment = Environment::try_parse_from(args).map_err(Stop::Clap)?;
        environment.config.checked().map_err(Stop::Setting)
    }
}

/// Why a command ends early.
enum Stop {
    Clap(clap::Error),
    Setting(SettingError),
    Failed(String),
}

/// Starts this program over with two malloc arenas, where the C library would give each of
/// its threads one and keep in it what that thread has freed: an export by one thread after
/// the other made 125 MiB of 33. It reads that setting when a program starts, and from the
/// environment alone. A number that is set there already stays.
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
        Err(Stop::Clap(error)) => report_usage(&error),
        Err(Stop::Setting(error)) => complain(USAGE, &error.to_string()),
        Err(Stop::Failed(why)) => complain(FAILED, &why),
    }
}

fn dispatch(args: Vec<OsString>) -> Result<(), Stop> {
    refuse_private_flags(&args)?;
    load_env_file().map_err(Stop::Setting)?;
    match Cli::try_parse_from(with_command(args)).map_err(Stop::Clap)?.command {
        Command::Serve(config) => serve(&config.checked().map_err(Stop::Setting)?),
        Command::Init(config) => init(&config.checked().map_err(Stop::Setting)?),
        Command::User(args) => users::run(args),
        Command::Openapi => print_openapi(),
        Command::Backup(args) => backups::back_up(args),
        Command::Restore(args) => backups::restore(args),
        Command::Check(args) => backups::check(args),
    }
}

/// What everyone on the host could read in the process list, and what has to be known
/// before the settings' file is chosen, comes from the environment alone.
fn refuse_private_flags(args: &[OsString]) -> Result<(), Stop> {
    const PRIVATE: [&str; 4] = ["SECRET_KEY", "ADMIN_PASSWORD", "EMAIL_PASS", "ENVIRONMENT"];
    let named = |arg: &OsString| {
        let arg = arg.to_string_lossy();
        let flag = arg.strip_prefix("--")?.split('=').next()?.replace('-', "_").to_uppercase();
        PRIVATE.into_iter().find(|setting| *setting == flag)
    };
    match args.iter().find_map(named) {
        None => Ok(()),
        Some(setting) => Err(Stop::Setting(SettingError {
            setting: setting.into(),
            value: "(flag)".into(),
            allowed: "is taken from the environment only".into(),
        })),
    }
}

/// `orderd` and `orderd --port 80` serve.
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

fn serve(config: &Config) -> Result<(), Stop> {
    let around = Dependencies::default();
    let _logging = Logging::start(config.log_level.0, config.log_path(), around.clock.clone())
        .map_err(|why| log_file_error(config, &why))?;
    let stop = signals::watch().map_err(failed)?;
    let app = App::start(config, &around).map_err(failed)?;
    announce(&app);
    // An error means that the watching thread is gone, and with it the way to stop.
    let _ = stop.recv();
    log::info!("stopping");
    app.stop();
    log::info!("stopped");
    Ok(())
}

/// On stdout, for whoever started it: the port may have been picked just now.
fn announce(app: &App) {
    let line = format!("listening on http://{}", app.local_addr());
    log::info!("{line}");
    let mut out = io::stdout().lock();
    // Nobody may be reading; the service runs all the same.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn init(config: &Config) -> Result<(), Stop> {
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

fn print_openapi() -> Result<(), Stop> {
    writeln!(io::stdout().lock(), "{}", http::openapi::json()).map_err(failed)
}

fn failed(why: impl std::fmt::Display) -> Stop {
    Stop::Failed(why.to_string())
}

fn log_file_error(config: &Config, why: &io::Error) -> Stop {
    Stop::Setting(SettingError {
        setting: "LOG_FILE".into(),
        value: config.log_file.clone(),
        allowed: format!("can't be written: {why}"),
    })
}

fn complain(code: u8, why: &str) -> ExitCode {
    eprintln!("orderd: {why}");
    ExitCode::from(code)
}

/// A bad value is one line that names the setting as its variable; help and the rest are
/// the parser's own words.
fn report_usage(error: &clap::Error) -> ExitCode {
    let is_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    if let (true, Some(argument)) = (is_value, context(error, ContextKind::InvalidArg)) {
        let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
        return complain(USAGE, &setting_error(error, &argument, value).to_string());
    }
    if let (ErrorKind::InvalidUtf8, Some(error)) = (error.kind(), unreadable_variable()) {
        return complain(USAGE, &error.to_string());
    }
    // Printing fails where nobody reads; the code still says it.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

/// `--http-threads <HTTP_THREADS>` is the variable `HTTP_THREADS`.
fn setting_error(error: &clap::Error, argument: &str, value: String) -> SettingError {
    let flag = argument.split_whitespace().next().unwrap_or_default();
    let setting = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
    let reason = std::error::Error::source(error).map(ToString::to_string);
    let allowed = reason.or_else(|| match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => Some(format!("must be one of {}", valid.join(", "))),
        _ => None,
    });
    SettingError { setting, value, allowed: allowed.unwrap_or_else(|| "is not allowed".into()) }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}
