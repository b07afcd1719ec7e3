//! Why the service can't start.

use std::fmt;
use std::path::Path;

use crate::config::Unusable;

/// Why the service can't start; prints as one line.
#[derive(Debug)]
pub enum StartError {
    /// Another start does not help before somebody changes this setting.
    Setting(Unusable),
    /// The same, of what is no setting of ours.
    Unusable(String),
    Failed(String),
}

impl StartError {
    pub(super) fn of(why: impl fmt::Display) -> StartError {
        StartError::Failed(why.to_string())
    }

    pub(super) fn at(path: &Path, why: impl fmt::Display) -> StartError {
        StartError::Failed(format!("{}: {why}", path.display()))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Setting(Unusable { setting, why }) => write!(f, "{setting}: {why}"),
            StartError::Unusable(why) | StartError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StartError {}
