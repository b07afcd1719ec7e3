//! Commands and exit codes.

mod backups;
mod completions;
mod config;
mod error;
mod keys;
mod log_level;
mod mail_test;
mod mails;
mod operator;
mod orders;
mod output;
mod place;
mod status;
mod table;
mod users;
mod webhooks;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::api::openapi;
use crate::app::{self, App, Dependencies, Foundation, StartError, Supervision};
use crate::config::{
    Config, Flags, SETTINGS, SettingError, Settings, Supervisor, Switch, Unusable,
    is_in_environment,
};
use crate::logging::{LogSettings, Logging};
use crate::sys::{process, signals};

use error::{CommandError, failed};
use output::{say, warn};

/// An order service for one host: REST, an embedded store, mail, metrics.
#[derive(Debug, Parser)]
#[command(
    name = "orderd",
    version,
    after_help = "Without a command it serves. `orderd serve --help` shows every setting: a flag, \
                  a variable, or a line in .env.dev (.env.prod in production). `orderd config` \
                  shows what counts."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT
    Serve(Flags),
    /// Make the database and the first admin; does nothing that is done already
    Init(Flags),
    /// Print every setting as it counts now, and where it came from
    Config(Flags),
    /// Make, list and change users
    User(users::UserArgs),
    /// Make, list and revoke keys for machines
    Key(keys::KeyArgs),
    /// Whether the service runs and is ready; exit code 1 when not
    Status(status::StatusArgs),
    /// List orders
    Orders(orders::OrderArgs),
    /// List mails, and have them tried again
    Mails(mails::MailArgs),
    /// Send one mail through the settings, and show the conversation with the mail server
    MailTest(mail_test::MailTestArgs),
    /// Have the running service's log tell more, or less
    LogLevel(log_level::LogLevelArgs),
    /// Make, list and change webhooks
    Webhooks(webhooks::WebhookArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Copy the database into a checked file
    Backup(backups::BackupArgs),
    /// Put a checked backup in the database's place, with the server stopped
    Restore(backups::RestoreArgs),
    /// Check the database, row against row
    Check(backups::CheckArgs),
    /// Print a script that completes commands and flags in a shell
    Completions(completions::CompletionArgs),
    /// Print the version
    Version,
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
    match Cli::try_parse_from(with_command(args)).map_err(CommandError::Clap)?.command {
        Command::Serve(flags) => serve(&load(&flags)?),
        Command::Init(flags) => init(&load(&flags)?),
        Command::Config(flags) => config::print(&load(&flags)?),
        Command::User(args) => users::run(args),
        Command::Key(args) => keys::run(args),
        Command::Status(args) => status::run(args),
        Command::Orders(args) => orders::run(args),
        Command::Mails(args) => mails::run(args),
        Command::MailTest(args) => mail_test::run(args),
        Command::LogLevel(args) => log_level::run(args),
        Command::Webhooks(args) => webhooks::run(args),
        Command::Openapi => print_openapi(),
        Command::Backup(args) => backups::back_up(args),
        Command::Restore(args) => backups::restore(args),
        Command::Check(args) => backups::check(args),
        Command::Completions(args) => completions::print::<Cli>(&args),
        Command::Version => say(concat!("orderd ", env!("CARGO_PKG_VERSION"))),
    }
}

fn load(flags: &Flags) -> Result<Settings, CommandError> {
    Settings::load(flags).map_err(CommandError::Setting)
}

/// Every user of the host can read the arguments of a process: secrets are no flags. Nor is
/// `ENVIRONMENT`, which chooses the file that the other settings are in.
fn refuse_private_flags(args: &[OsString]) -> Result<(), CommandError> {
    let flag_of = |arg: &OsString| {
        let arg = arg.to_string_lossy().to_lowercase().replace('_', "-");
        let flag = arg.split('=').next().unwrap_or_default();
        SETTINGS.iter().find(|setting| !setting.is_flag && setting.flag() == flag)
    };
    let Some(setting) = args.iter().find_map(flag_of) else { return Ok(()) };
    let subject = format!("{} (flag {})", setting.name, setting.flag());
    let allowed = "is taken from the environment or the file only, never from a flag";
    Err(CommandError::Setting(SettingError::new(subject, allowed)))
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

fn serve(settings: &Settings) -> Result<(), CommandError> {
    let config = &settings.config;
    let unusable = |failed: &Unusable| CommandError::Setting(settings.refuse(failed));
    config.try_folders().map_err(|failed| unusable(&failed))?;
    let dependencies = Dependencies::default();
    let supervisor = Supervisor::of_process(std::process::id());
    let logging = Logging::start(log_settings(config, &supervisor), dependencies.clock.clone())
        .map_err(|why| unusable(&log_file_error(&why)))?;
    announce_settings(settings);
    let stop = signals::watch(logging.reopener()).map_err(failed)?;
    let started = App::start(config, &dependencies).map_err(|why| match why {
        StartError::Setting(failed) => unusable(&failed),
        other => other.into(),
    });
    let app = started.map_err(|why| why.log("not started"))?;
    announce(config, &app);
    let supervision = Supervision::begin(&supervisor, app.local_addr());
    // An error means that the thread that watches for signals is gone: nothing else could
    // stop the service any more.
    let why = stop.recv().unwrap_or("no signal can be received any more");
    log::info!("stopping: {why}");
    supervision.end();
    app.stop();
    log::info!("stopped");
    Ok(())
}

fn log_settings<'c>(config: &'c Config, supervisor: &Supervisor) -> LogSettings<'c> {
    let journal = supervisor.journal;
    LogSettings {
        level: config.log_level.0,
        format: config.log_format,
        file: config.log_path(),
        has_journal: journal.is_some_and(|(device, inode)| process::is_stderr(device, inode)),
    }
}

fn announce_settings(settings: &Settings) {
    let environment = settings.config.environment.as_str();
    log::info!("orderd {}, {environment}", env!("CARGO_PKG_VERSION"));
    if let Some(file) = settings.file {
        log::info!("settings from {}", absolute(file));
    }
    settings.warnings.iter().for_each(|warning| log::warn!("{warning}"));
}

/// Tells where everything is. The address also goes to stdout: with `PORT=0` nobody knows the
/// port before.
fn announce(config: &Config, app: &App) {
    let database = absolute(config.database_path());
    match app.store().read().and_then(|snapshot| snapshot.order_count()) {
        Ok(orders) => log::info!("database {database}, {orders} orders"),
        Err(why) => log::warn!("database {database}: {why}"),
    }
    match &config.smtp_server {
        Some(server) => log::info!("mail goes to {server}, port {}", config.smtp_port),
        None => log::info!("mail goes to files in {}", absolute(&config.mail_dir)),
    }
    let url = format!("http://{}", app.local_addr());
    let console = match config.console {
        Switch::On => format!(" and {url}/console/"),
        Switch::Off => String::new(),
    };
    log::info!("listening on {url}, with {url}/docs{console}");
    let mut out = io::stdout().lock();
    // The output may be closed; the service runs all the same.
    let _ = writeln!(out, "listening on {url}").and_then(|()| out.flush());
}

/// The path from the root, where the working directory is known.
fn absolute(path: &Path) -> String {
    // `components` leaves out the `.` of `./data`.
    let path: PathBuf = path.components().collect();
    std::path::absolute(&path).unwrap_or(path).display().to_string()
}

fn init(settings: &Settings) -> Result<(), CommandError> {
    warn(&settings.warnings);
    let config = &settings.config;
    let path = config.database_path();
    let existed = path.exists();
    let foundation = Foundation::open(config, &Dependencies::default())?;
    let made = app::seed(config, &foundation.service)?;
    foundation.store.close();
    say(&format!("{} {}", path.display(), if existed { "is there" } else { "made" }))?;
    say(made.as_deref().unwrap_or("there are users already; none was made"))
}

fn print_openapi() -> Result<(), CommandError> {
    say(openapi::document::json())
}

fn log_file_error(why: &io::Error) -> Unusable {
    Unusable::new("LOG_FILE", format!("can't be written: {why}"))
}
