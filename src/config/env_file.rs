//! `.env.dev` and `.env.prod`: settings that the environment doesn't have.

use std::fs;
use std::io::ErrorKind;

use clap::Args;

use super::error::SettingError;
use super::settings::Config;

/// Whether the process has a variable of that name.
pub fn is_in_environment(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Adds the variables of the file to the process's environment, unless they are set there
/// already. `ENVIRONMENT` chooses the file, so that the file can't set it. A missing file is
/// no error. Call it before any thread is started.
pub fn load_env_file() -> Result<(), SettingError> {
    let production = std::env::var("ENVIRONMENT").is_ok_and(|value| value == "production");
    let name = if production { ".env.prod" } else { ".env.dev" };
    let refuse = |why: String| SettingError {
        setting: name.into(),
        value: "(file)".into(),
        allowed: format!("can't be read: {why}"),
    };
    let text = match fs::read_to_string(name) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(refuse(why.to_string())),
    };
    let lines: Vec<&str> = text.lines().filter(|line| !sets_environment(line)).collect();
    dotenvy::from_read(lines.join("\n").as_bytes()).map_err(|why| {
        // The text of a bad line may hold a secret.
        refuse(match why {
            dotenvy::Error::LineParse(_, column) => {
                format!("a line is no NAME=value, near column {column}")
            }
            other => other.to_string(),
        })
    })
}

/// The first setting whose variable is not UTF-8. The command line's parser refuses such a
/// value without saying which variable it is.
pub fn unreadable_variable() -> Option<SettingError> {
    let settings = Config::augment_args(clap::Command::new("orderd"));
    let mut names = settings.get_arguments().filter_map(|argument| argument.get_env());
    let name = names.find(|name| std::env::var_os(name).is_some_and(|it| it.to_str().is_none()))?;
    Some(SettingError {
        setting: name.to_string_lossy().into_owned(),
        value: "(bytes)".into(),
        allowed: "must be text in UTF-8".into(),
    })
}

fn sets_environment(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').is_some_and(|(name, _)| name.trim() == "ENVIRONMENT")
}
