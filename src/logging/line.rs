//! An event as a line: text for people, or a JSON object for programs.

use std::fmt::{self, Display, Formatter};

use log::{Level, Record};
use serde::Serialize;

use crate::clock::Clock;
use crate::config::LogFormat;

/// Length of the priority that every line begins with, in bytes: `<4>`. The journal takes it off
/// (sd-daemon(3)); for other outputs it is left out.
pub const PRIORITY_BYTES: usize = 3;

/// A line without its end, with its priority.
pub struct Line<'a> {
    pub level: Level,
    pub text: &'a dyn Display,
    pub format: LogFormat,
    pub clock: &'a Clock,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    time: &'a str,
    level: &'a str,
    message: &'a str,
}

impl<'a> Line<'a> {
    pub fn of(record: &'a Record<'_>, format: LogFormat, clock: &'a Clock) -> Line<'a> {
        Line { level: record.level(), text: record.args(), format, clock }
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let now = self.clock.now();
        let millis = now.as_micros() / 1000 % 1000;
        write!(f, "<{}>", priority(self.level))?;
        match self.format {
            LogFormat::Text => {
                write!(f, "{now}.{millis:03}Z {:5} ", self.level)?;
                one_line(&self.text.to_string(), f)
            }
            LogFormat::Json => {
                let time = format!("{now}.{millis:03}Z");
                let (level, message) = (self.level.as_str().to_lowercase(), self.text.to_string());
                let line = JsonLine { time: &time, level: &level, message: &message };
                // Texts can always be written as JSON.
                f.write_str(&serde_json::to_string(&line).map_err(|_| fmt::Error)?)
            }
        }
    }
}

/// As syslog counts them.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// The text on one line, whatever it holds.
fn one_line(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    if !text.chars().any(char::is_control) {
        return f.write_str(text);
    }
    text.chars().try_for_each(|c| match c.is_control() {
        true => write!(f, "{}", c.escape_default()),
        false => write!(f, "{c}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn line(level: Level, text: &str, format: LogFormat) -> String {
        let clock = Clock::fixed(Timestamp::from_micros(1_759_816_691_007_000));
        Line { level, text: &text, format, clock: &clock }.to_string()
    }

    #[test]
    fn a_line_of_text_is_one_line_whatever_it_says() {
        let text = line(Level::Warn, "a\nb\u{1b}[31m", LogFormat::Text);
        assert_eq!(text, "<4>2025-10-07T05:58:11.007Z WARN  a\\nb\\u{1b}[31m");
    }

    #[test]
    fn a_line_of_json_is_an_object_on_one_line() {
        let text = line(Level::Info, "\"a\"\nb", LogFormat::Json);
        let expected =
            r#"<6>{"time":"2025-10-07T05:58:11.007Z","level":"info","message":"\"a\"\nb"}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn every_priority_is_of_the_length_that_is_taken_off() {
        for level in Level::iter() {
            assert_eq!(format!("<{}>", priority(level)).len(), PRIORITY_BYTES);
        }
    }
}
