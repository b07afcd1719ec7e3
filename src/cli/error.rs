//! Why a command fails, and how the user is told.

use std::fmt;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::app::StartError;
use crate::config::{SettingError, unreadable_variable};

const FAILED: u8 = 1;
const USAGE: u8 = 2;

pub enum CommandError {
    /// The command line can't be parsed, or asks for help.
    Clap(clap::Error),
    Setting(SettingError),
    Start(StartError),
    Failed(String),
}

pub fn failed(why: impl fmt::Display) -> CommandError {
    CommandError::Failed(why.to_string())
}

impl CommandError {
    /// Prints the error, and returns the process's exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            CommandError::Clap(error) => report_usage(error),
            CommandError::Setting(error) => print_error(USAGE, &error.to_string()),
            CommandError::Start(StartError::Refused(why)) => print_error(USAGE, why),
            CommandError::Start(StartError::Failed(why)) => print_error(FAILED, why),
            CommandError::Failed(why) => print_error(FAILED, why),
        }
    }
}

fn print_error(code: u8, why: &str) -> ExitCode {
    eprintln!("orderd: {why}");
    ExitCode::from(code)
}

/// A bad value is told in one line that names the setting by its variable. Help and all other
/// errors are printed as the parser words them.
fn report_usage(error: &clap::Error) -> ExitCode {
    let is_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    if let (true, Some(argument)) = (is_value, context(error, ContextKind::InvalidArg)) {
        let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
        return print_error(USAGE, &setting_error(error, &argument, value).to_string());
    }
    if let (ErrorKind::InvalidUtf8, Some(error)) = (error.kind(), unreadable_variable()) {
        return print_error(USAGE, &error.to_string());
    }
    // Printing fails when the output is closed; the exit code still tells the outcome.
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
