//! `.env.dev` and `.env.prod`: what their lines mean.
//!
//! The grammar is what systemd's `EnvironmentFile`, Docker's `--env-file` and python-dotenv
//! have in common: `NAME=value`, the value to the end of the line. `$` and `\` are ordinary
//! characters. They differ on comments behind a value; here one begins at a `#` after a blank,
//! outside quotes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::SettingError;
use super::settings::find;

/// Longest file, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// A line that gives a setting its text.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub line: usize,
    pub name: String,
    pub text: String,
}

/// Why a line is none. It may hold a secret, so that nothing of it is told but its name.
#[derive(Debug, PartialEq, Eq)]
struct BadLine {
    name: Option<String>,
    reason: &'static str,
}

/// The entries of a file; none where there is no such file.
///
/// # Errors
/// The file can't be read, or one of its lines.
pub fn read(path: &Path) -> Result<Option<Vec<Entry>>, SettingError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(SettingError::new(path.display().to_string(), why.to_string())),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => {
            let reason = format!("is longer than {MAX_BYTES} bytes");
            return Err(SettingError::new(path.display().to_string(), reason));
        }
        Ok(_) => {}
    }
    entries(&bytes).map(Some).map_err(|(line, bad)| {
        let name = bad.name.map(|name| format!(", {name}")).unwrap_or_default();
        SettingError::new(format!("{}, line {line}{name}", path.display()), bad.reason)
    })
}

/// The text without the pair of quotes around all of it, if there is one.
pub fn unquote(text: &str) -> &str {
    let pair = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    pair('"').or_else(|| pair('\'')).unwrap_or(text)
}

fn entries(bytes: &[u8]) -> Result<Vec<Entry>, (usize, BadLine)> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut entries = Vec::new();
    for (line, bytes) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let entry = parse_line(bytes).map_err(|bad| (line, bad))?;
        entries.extend(entry.map(|(name, text)| Entry { line, name, text }));
    }
    Ok(entries)
}

/// Name and text; none for a blank line or a comment.
fn parse_line(bytes: &[u8]) -> Result<Option<(String, String)>, BadLine> {
    let Ok(line) = std::str::from_utf8(bytes) else {
        let start = String::from_utf8_lossy(bytes);
        let name = start.split('=').next().filter(|name| is_name(name)).map(str::to_owned);
        return Err(BadLine { name, reason: "must be text in UTF-8" });
    };
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let line = exported.unwrap_or(line).trim_start();
    let Some((name, value)) = line.split_once('=') else {
        // What stands first may be a name, or part of a secret that a line break has split.
        let first = line.split_whitespace().next().unwrap_or_default();
        let name = find(first).is_some().then(|| first.to_owned());
        return Err(BadLine { name, reason: "is no NAME=value" });
    };
    let name = name.trim_end();
    if !is_name(name) {
        let reason = "is no NAME=value: a name has letters, digits and underscores";
        return Err(BadLine { name: None, reason });
    }
    match text_of(value) {
        Ok(text) => Ok(Some((name.to_owned(), text.to_owned()))),
        Err(reason) => Err(BadLine { name: Some(name.to_owned()), reason }),
    }
}

/// The text that a value stands for: without blanks around it, its quotes, and a comment.
fn text_of(value: &str) -> Result<&str, &'static str> {
    let trimmed = value.trim();
    let Some(quote) = trimmed.chars().next().filter(|first| ['"', '\''].contains(first)) else {
        return Ok(value[..comment_start(value)].trim());
    };
    let quoted = &trimmed[1..];
    let is_end = |after: &str| after.is_empty() || comment_start(after) == after_blanks(after);
    let mut ends = quoted.match_indices(quote).map(|(at, _)| at);
    match ends.find(|at| is_end(&quoted[at + 1..])) {
        Some(end) => Ok(&quoted[..end]),
        None => Err("the value begins with a quote and doesn't end with it"),
    }
}

/// Where the first `#` after a blank stands; the text's length where there is none.
fn comment_start(text: &str) -> usize {
    let mut before = None;
    let found = text.char_indices().find(|(_, c)| {
        let is_blank_before = before.replace(*c).is_some_and(char::is_whitespace);
        *c == '#' && is_blank_before
    });
    found.map_or(text.len(), |(at, _)| at)
}

fn after_blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn is_name(text: &str) -> bool {
    const MAX_NAME: usize = 64;
    let rest_fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(rest_fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn text(line: &str) -> String {
        let entries = entries(line.as_bytes()).unwrap_or_else(|why| panic!("{line}: {why:?}"));
        assert_eq!(entries.len(), 1, "{line}");
        assert_eq!(entries[0].name, "NAME", "{line}");
        entries[0].text.clone()
    }

    #[test]
    fn a_value_goes_to_the_end_of_its_line_as_it_is() {
        for (line, value) in [
            ("NAME=value", "value"),
            ("NAME=", ""),
            ("NAME=   ", ""),
            ("  NAME = two words  \r", "two words"),
            ("export NAME=value", "value"),
            ("export\tNAME=value", "value"),
            ("\u{feff}NAME=value", "value"),
            ("NAME=a=b==", "a=b=="),
            ("NAME=Secure1$ecret!x", "Secure1$ecret!x"),
            ("NAME=$HOME ${HOME} \\n \\", "$HOME ${HOME} \\n \\"),
            ("NAME=The Shop <orders@shop.example>", "The Shop <orders@shop.example>"),
            ("NAME=Ann's shop", "Ann's shop"),
            ("NAME=5\" nails", "5\" nails"),
        ] {
            assert_eq!(text(line), value, "{line}");
        }
    }

    #[test]
    fn one_pair_of_quotes_around_all_of_it_is_taken_off() {
        for (line, value) in [
            ("NAME=\"two words\"", "two words"),
            ("NAME='it is $5'", "it is $5"),
            ("NAME='  kept  '", "  kept  "),
            ("NAME=\"\"", ""),
            ("NAME=\"a\"b\"", "a\"b"),
            ("NAME='\"a\"'", "\"a\""),
            ("NAME='a # b'", "a # b"),
            ("NAME=\"a # b\" # said", "a # b"),
            ("NAME='a'   # it's said", "a"),
        ] {
            assert_eq!(text(line), value, "{line}");
        }
        assert_eq!(unquote("\"a\""), "a");
        assert_eq!(unquote("'a'"), "a");
        for as_it_is in ["a", "'a\"", "\"", "", "a'b'"] {
            assert_eq!(unquote(as_it_is), as_it_is);
        }
    }

    #[test]
    fn a_comment_begins_at_a_lines_start_or_after_a_blank() {
        for (line, value) in [
            ("NAME=value # said", "value"),
            ("NAME=value\t#said", "value"),
            ("NAME= # said", ""),
            ("NAME=#1", "#1"),
            ("NAME=a#b", "a#b"),
            ("NAME=value #", "value"),
        ] {
            assert_eq!(text(line), value, "{line}");
        }
        assert_eq!(entries(b"# A=1\n  # B=1\n\n \t\r\n#"), Ok(vec![]));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let found = entries(b"# said\r\n\r\nA=1\r\nB=2").unwrap();
        let lines: Vec<_> = found.iter().map(|it| (it.line, &*it.name, &*it.text)).collect();
        assert_eq!(lines, [(3, "A", "1"), (4, "B", "2")]);
    }

    #[test]
    fn a_line_that_can_not_be_read_tells_its_name_and_nothing_of_its_value() {
        for (line, name) in [
            (&b"SECRET_KEY 's3cret"[..], Some("SECRET_KEY")),
            (b"SECRET_KEY='s3cret", Some("SECRET_KEY")),
            (b"SECRET_KEY=\"s3cret\" s3cret", Some("SECRET_KEY")),
            (b"SECRET_KEY=s3cret\xff", Some("SECRET_KEY")),
            (b"s3cret", None),
            (b"s3-cret=s3cret", None),
            (b"=s3cret", None),
        ] {
            let (_, bad) = entries(line).unwrap_err();
            assert_eq!(bad.name.as_deref(), name);
            assert!(!bad.reason.contains("s3cret"));
        }
    }
}
