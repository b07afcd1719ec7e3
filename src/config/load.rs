//! Reads the settings: flags, then variables, then the file, then defaults.

use std::ffi::OsString;
use std::path::Path;

use super::env_file::{self, Entry};
use super::error::{SettingError, Unusable, one_line};
use super::flags::Flags;
use super::given::{Given, Source, Values};
use super::nearest::nearest;
use super::parse;
use super::setting::Setting;
use super::settings::{Config, Environment, SETTINGS, find};

const ENVIRONMENT: &str = "ENVIRONMENT";

/// The settings as they count, and where each came from.
#[derive(Debug)]
pub struct Settings {
    pub config: Config,
    /// The file that was read, if there was one.
    pub file: Option<&'static Path>,
    /// What is odd and doesn't stop the start, a line each.
    pub warnings: Vec<String>,
    values: Values,
}

/// Whether the process has a variable of that name.
pub fn is_in_environment(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

impl Settings {
    /// # Errors
    /// A value that is not allowed, or a file that can't be read.
    pub fn load(flags: &Flags) -> Result<Settings, SettingError> {
        let mut values = Values::defaults(SETTINGS);
        let mut warnings = Vec::new();
        let environment = environment()?;
        let path = Path::new(environment.settings_file());
        let entries = env_file::read(path)?;
        let file = entries.is_some().then_some(path);
        add_file(&mut values, &mut warnings, path, &entries.unwrap_or_default());
        add_variables(&mut values)?;
        for (name, text) in flags.iter() {
            values.set(name, text, Source::Flag(find(name).map(Setting::flag).unwrap_or_default()));
        }
        if Path::new(".env").exists() {
            warnings.push(format!(".env is not read; settings belong in {}", path.display()));
        }
        let config = Config::checked(&values)?;
        warnings.extend(config.warnings());
        Ok(Settings { config, file, warnings, values })
    }

    /// Every setting as it counts, with its source. A secret is masked.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, String, String)> {
        self.values
            .all()
            .iter()
            .map(|given| (given.setting.name, self.effective(given), given.source.to_string()))
    }

    /// The error that this setting has failed when it was tried.
    pub fn refuse(&self, failed: &Unusable) -> SettingError {
        self.values.refuse(failed.setting, &failed.why)
    }

    /// The text, or what follows from other settings where there is none.
    fn effective(&self, given: &Given) -> String {
        let config = &self.config;
        match (given.shown(), given.setting.name) {
            (Some(text), _) => one_line(&text),
            (None, "RATE_LIMIT_ORDERS") => config.orders_per_window().to_string(),
            (None, "CORS_ALLOW_ORIGINS") => config.allowed_origins().to_string(),
            (None, "HTTP_MAX_CONNECTIONS_PER_CLIENT") => {
                config.max_connections_per_client().to_string()
            }
            (None, _) => given.setting.default_says.map(|it| format!("({it})")).unwrap_or_default(),
        }
    }
}

impl Config {
    /// From these settings alone, by their names: neither the environment nor a file is read.
    ///
    /// # Errors
    /// A value that is not allowed, or a name that no setting has.
    pub fn of<'a>(
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Config, SettingError> {
        let mut values = Values::defaults(SETTINGS);
        for (name, text) in settings {
            if find(name).is_none() {
                return Err(SettingError::new(name, "is no setting"));
            }
            values.set(name, text, Source::Variable);
        }
        Config::checked(&values)
    }

    fn checked(values: &Values) -> Result<Config, SettingError> {
        let config = Config::parse(values)?;
        config.check(values)?;
        Ok(config)
    }
}

/// It chooses the file, so that it is read ahead of it.
fn environment() -> Result<Environment, SettingError> {
    let mut values = Values::defaults(SETTINGS);
    if let Some(text) = variable(ENVIRONMENT)? {
        values.set(ENVIRONMENT, &text, Source::Variable);
    }
    values.required(ENVIRONMENT, parse::one_of(Environment::NAMES))
}

fn add_variables(values: &mut Values) -> Result<(), SettingError> {
    for setting in SETTINGS {
        if let Some(text) = variable(setting.name)? {
            values.set(setting.name, &text, Source::Variable);
        }
    }
    Ok(())
}

/// A variable's text. Docker hands the quotes of its file over.
fn variable(name: &str) -> Result<Option<String>, SettingError> {
    let text = std::env::var_os(name).map(OsString::into_string).transpose();
    let text =
        text.map_err(|_| SettingError::new(format!("{name} (variable)"), "must be text in UTF-8"))?;
    Ok(text.map(|text| env_file::unquote(&text).to_owned()))
}

fn add_file(values: &mut Values, warnings: &mut Vec<String>, path: &Path, entries: &[Entry]) {
    for (place, Entry { line, name, text }) in entries.iter().enumerate() {
        let at = format!("{}, line {line}", path.display());
        if name == ENVIRONMENT {
            warnings.push(format!(
                "{at}: {name} counts only as a variable, because it chooses the file"
            ));
            continue;
        }
        if find(name).is_none() {
            warnings.push(format!("{at}: {}", unknown(name)));
            continue;
        }
        if let Some(first) = entries[..place].iter().rfind(|entry| entry.name == *name) {
            warnings
                .push(format!("{at}: {name} takes the place of the one in line {}", first.line));
        }
        values.set(name, text, Source::File { file: path.into(), line: *line });
    }
}

fn unknown(name: &str) -> String {
    match nearest(name, SETTINGS.iter().map(|setting| setting.name)) {
        Some(meant) => format!("{name} is no setting; is {meant} meant?"),
        None => format!("{name} is no setting"),
    }
}
