//! A setting that can't be used.

use std::fmt;

/// Prints as one line. Whoever makes one has masked what is secret.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingError {
    /// The setting with its value and source, or the line of a file.
    subject: String,
    /// What is allowed, or what has failed.
    reason: String,
}

/// A setting that looked right, and failed when it was tried.
#[derive(Debug, PartialEq, Eq)]
pub struct Unusable {
    pub setting: &'static str,
    pub why: String,
}

impl SettingError {
    pub fn new(subject: impl Into<String>, reason: impl Into<String>) -> SettingError {
        SettingError { subject: subject.into(), reason: reason.into() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&format!("{}: {}", self.subject, self.reason)))
    }
}

/// The text with its line breaks and escape sequences made visible.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

impl std::error::Error for SettingError {}

impl Unusable {
    pub fn new(setting: &'static str, why: impl fmt::Display) -> Unusable {
        Unusable { setting, why: why.to_string() }
    }
}
