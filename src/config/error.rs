//! A setting that can't be used.

use std::fmt::{self, Write};

/// Prints as one line. The value of a secret is masked by whoever makes the error.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingError {
    pub setting: String,
    pub value: String,
    pub allowed: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{}={}: {}", self.setting, self.value, self.allowed);
        // A line break or an escape sequence in a value would be more than one line.
        line.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

impl std::error::Error for SettingError {}
