//! Why a command fails, and how the user is told.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::app::StartError;
use crate::config::SettingError;

const FAILED: u8 = 1;
const USAGE: u8 = 2;

pub enum CommandError {
    /// The command line can't be parsed, or asks for help.
    Clap(clap::Error),
    Setting(SettingError),
    /// The settings can't be used, as has been tried.
    Unusable(String),
    Failed(String),
    /// The log has told why.
    Told {
        is_usage: bool,
    },
}

pub fn failed(why: impl fmt::Display) -> CommandError {
    CommandError::Failed(why.to_string())
}

/// What has failed on a file.
pub fn failed_at(path: &Path, why: impl fmt::Display) -> CommandError {
    failed(format!("{}: {why}", path.display()))
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> CommandError {
        match error {
            StartError::Failed(why) => CommandError::Failed(why),
            unusable => CommandError::Unusable(unusable.to_string()),
        }
    }
}

impl CommandError {
    /// Prints the error, and returns the process's exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            CommandError::Clap(error) => report_usage(error),
            CommandError::Setting(error) => print_error(USAGE, &error.to_string()),
            CommandError::Unusable(why) => print_error(USAGE, why),
            CommandError::Failed(why) => print_error(FAILED, why),
            CommandError::Told { is_usage } => {
                ExitCode::from(if *is_usage { USAGE } else { FAILED })
            }
        }
    }

    /// Writes the error into the log, unless that takes none.
    pub fn log(self, what: &str) -> CommandError {
        let why = match &self {
            CommandError::Setting(error) => error.to_string(),
            CommandError::Unusable(why) | CommandError::Failed(why) => why.clone(),
            CommandError::Clap(_) | CommandError::Told { .. } => return self,
        };
        if !log::log_enabled!(log::Level::Error) {
            return self;
        }
        log::error!("{what}: {why}");
        CommandError::Told { is_usage: !matches!(self, CommandError::Failed(_)) }
    }
}

fn print_error(code: u8, why: &str) -> ExitCode {
    // A closed stderr changes nothing of the code.
    let _ = writeln!(io::stderr().lock(), "orderd: {why}");
    ExitCode::from(code)
}

/// Help and errors are printed as the parser words them.
fn report_usage(error: &clap::Error) -> ExitCode {
    // Printing fails when the output is closed; the exit code still tells the outcome.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}
