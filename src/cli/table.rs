//! Lists for people, as aligned columns with a header, and for programs, as JSON.

use serde_json::Value;

use super::error::CommandError;
use super::output::say;

/// A column: its header, and the key of its values.
pub type Column = (&'static str, &'static str);

/// Prints the rows; as one JSON array where `as_json`.
pub fn print(columns: &[Column], rows: &[Value], as_json: bool) -> Result<(), CommandError> {
    if as_json {
        return say(&Value::from(rows).to_string());
    }
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|(_, key)| cell(&row[*key])).collect()).collect();
    let width = |column: usize| {
        let longest = cells.iter().map(|row| row[column].chars().count()).max();
        longest.unwrap_or(0).max(columns[column].0.chars().count())
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    say(&line(&columns.iter().map(|(header, _)| *header).collect::<Vec<_>>()))?;
    cells.iter().try_for_each(|row| say(&line(&row.iter().map(String::as_str).collect::<Vec<_>>())))
}

/// Control characters would reach the terminal.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => {
            text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
        }
        other => other.to_string(),
    }
}
