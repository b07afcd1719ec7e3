//! Reading query parameters strictly: unknown, repeated or unreadable ones are faults,
//! never a silently ignored filter.

use std::borrow::Cow;

use serde_json::Value;

use super::faults::{Faults, returned};
use super::inputs::lax_bool;
use crate::clock::Timestamp;
use crate::error::{Problem, Result};
use crate::store::Direction;

/// Most parameters of a query; one more is a fault, and then none is read.
const MAX_PARAMETERS: usize = 100;

/// A query's parameters, and what was found wrong with them so far.
pub struct Query<'q> {
    pairs: Vec<(Cow<'q, str>, Cow<'q, str>)>,
    faults: Faults,
}

impl<'q> Query<'q> {
    /// Takes what follows the `?`. Parameters other than `known` are faults, and so are
    /// repeated ones.
    pub fn of(text: &'q str, known: &[&str]) -> Query<'q> {
        let mut query = Query { pairs: Vec::new(), faults: Faults::default() };
        let given = || form_urlencoded::parse(text.as_bytes());
        if given().nth(MAX_PARAMETERS).is_some() {
            let reason = format!("A query takes at most {MAX_PARAMETERS} parameters");
            query.faults.add(Problem::Value { reason }, || (vec!["query".into()], Value::Null));
            return query;
        }
        for (name, value) in given() {
            let repeated = query.pairs.iter().any(|(present, _)| *present == name);
            if !known.contains(&name.as_ref()) {
                query.fault(&name, Problem::Unexpected, &value);
            } else if repeated {
                let reason = "The parameter is given more than once".to_owned();
                query.fault(&name, Problem::Value { reason }, &value);
            } else {
                query.pairs.push((name, value));
            }
        }
        query
    }

    pub fn check(&mut self) -> Result<()> {
        std::mem::take(&mut self.faults).check()
    }

    /// The value as it was given, decoded.
    pub fn text(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(present, _)| present == name);
        pair.map(|(_, value)| value.as_ref())
    }

    /// A text of so many characters, both included.
    pub fn text_of(&mut self, name: &str, least: usize, most: usize) -> Option<String> {
        self.parsed(name, |text| match text.chars().count() {
            count if count < least => Err(Problem::TooShort { min: least }),
            count if count > most => Err(Problem::TooLong { max: most }),
            _ => Ok(text.to_owned()),
        })
    }

    /// An integer within the bounds, both included.
    pub fn integer(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        self.parsed(name, |text| integer(text, least, most))
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.parsed(name, |text| lax_bool(&Value::from(text)))
    }

    pub fn choice<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.parsed(name, |text| parse(text).ok_or(Problem::NotOneOf { expected }))
    }

    /// Which way a list goes: `order`, the oldest first where it is absent.
    pub fn direction(&mut self) -> Direction {
        let direction = self.choice("order", "'asc' or 'desc'", |text| match text {
            "asc" => Some(Direction::Ascending),
            "desc" => Some(Direction::Descending),
            _ => None,
        });
        direction.unwrap_or_default()
    }

    pub fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> std::result::Result<T, Problem>,
    ) -> Option<T> {
        let text = self.text(name)?.to_owned();
        parse(&text).map_err(|problem| self.fault(name, problem, &text)).ok()
    }

    /// Two moments, both included: the second may not lie before the first.
    pub fn period(&mut self, from: &str, to: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let first = self.parsed(from, |text| moment(text, DayPart::Start));
        let last = self.parsed(to, |text| moment(text, DayPart::End));
        if first.zip(last).is_some_and(|(first, last)| last < first) {
            let reason = format!("It lies before {from}");
            let value = self.text(to).unwrap_or_default().to_owned();
            self.fault(to, Problem::Value { reason }, &value);
        }
        (first, last)
    }

    /// Tells a fault that no single parameter shows.
    pub fn fault(&mut self, name: &str, problem: Problem, value: &str) {
        let told = || (vec!["query".into(), name.into()], returned(name, &value.into()));
        self.faults.add(problem, told);
    }
}

/// The `Link` to the page past `next`: the same query, encoded anew and so safe in a header, and
/// relative, so that it stays behind the prefix that a proxy may have taken off the path.
pub fn next_link(query: &str, next: u64) -> String {
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "after");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("after", &next.to_string())
        .finish();
    format!("<?{query}>; rel=\"next\"")
}

/// Which second of a day a date without a time means.
enum DayPart {
    Start,
    End,
}

fn moment(text: &str, part: DayPart) -> std::result::Result<Timestamp, Problem> {
    let reason = "Input should be like 2026-11-22 or 2026-11-22T10:00:00, in UTC or with an offset";
    let at = Timestamp::parse(text).ok_or_else(|| Problem::Value { reason: reason.to_owned() })?;
    const DAY_SECS: u64 = 86_400;
    Ok(match part {
        DayPart::End if !text.contains('T') => Timestamp::from_secs(at.as_secs() + DAY_SECS - 1),
        _ => at,
    })
}

/// Digits, within the bounds; a number too long to be read is above every bound.
pub fn integer(text: &str, least: u64, most: u64) -> std::result::Result<u64, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::NotAnInteger { is_text: true });
    }
    let below = Problem::Below { min: least as i64 };
    let above = Problem::Above { max: most as i64 };
    if digits.len() < text.len() {
        return Err(below);
    }
    match text.parse::<u64>() {
        Ok(number) if number < least => Err(below),
        Ok(number) if number <= most => Ok(number),
        _ => Err(above),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MAX_ID;
    use crate::error::Error;

    #[test]
    fn an_integer_is_digits_within_its_bounds() {
        assert_eq!(integer("1", 1, MAX_ID), Ok(1));
        assert_eq!(integer("9223372036854775807", 1, MAX_ID), Ok(MAX_ID));
        for text in ["", "abc", "1.0", "+1", " 1", "0x1", "-", "１"] {
            assert_eq!(
                integer(text, 1, 5),
                Err(Problem::NotAnInteger { is_text: true }),
                "{text:?}"
            );
        }
        for text in ["0", "-1", "-99999999999999999999"] {
            assert_eq!(integer(text, 1, 5), Err(Problem::Below { min: 1 }), "{text:?}");
        }
        for text in ["6", "99999999999999999999999"] {
            assert_eq!(integer(text, 1, 5), Err(Problem::Above { max: 5 }), "{text:?}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_faults() {
        let mut query = Query::of("limit=5&Limit=5&limit=6&after=%31", &["limit", "after"]);
        assert_eq!(query.integer("limit", 1, 9), Some(5));
        assert_eq!(query.integer("after", 1, 9), Some(1));
        let Err(Error::Invalid(faults)) = query.check() else { panic!("no faults") };
        let problems: Vec<_> = faults.into_iter().map(|fault| fault.problem).collect();
        assert!(matches!(problems[..], [Problem::Unexpected, Problem::Value { .. }]));
    }
}
