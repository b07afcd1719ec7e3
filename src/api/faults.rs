//! What is wrong with a request's input, as far as it is told: neither the response nor the log
//! line grows with what a client sends.

use serde_json::{Map, Value};

use crate::error::{Error, Problem, Result, Segment, Violation};

/// What stands in the place of a password wherever input is given back.
pub const MASK: &str = "**********";

/// The faults of one request that are told; those beyond are left out.
const MAX_TOLD: usize = 16;
/// An input that prints to more is given back as null, in bytes.
const MAX_INPUT_BYTES: usize = 1000;

/// The first faults that were found, in their order.
#[derive(Default)]
pub struct Faults(Vec<Violation>);

impl Faults {
    /// The place and the input are only made where the fault is told.
    pub fn add(&mut self, problem: Problem, told: impl FnOnce() -> (Vec<Segment>, Value)) {
        if self.0.len() < MAX_TOLD {
            let (location, input) = told();
            self.0.push(Violation::new(location, problem, input));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// There are faults.
    pub fn check(self) -> Result<()> {
        match self.0 {
            faults if faults.is_empty() => Ok(()),
            faults => Err(Error::Invalid(faults)),
        }
    }
}

/// The value of a field as it is given back: passwords masked, and null where it is long.
pub fn returned(name: &str, value: &Value) -> Value {
    Room(MAX_INPUT_BYTES).masked(name, value).unwrap_or(Value::Null)
}

/// An object as it is given back.
pub fn returned_object(object: &Map<String, Value>) -> Value {
    Room(MAX_INPUT_BYTES).masked_object(object).unwrap_or(Value::Null)
}

/// How many bytes a copy may still print to. It is counted while copying, so that a large body
/// is never copied only to be thrown away.
struct Room(usize);

impl Room {
    /// `None` where there is no room for it.
    fn masked(&mut self, name: &str, value: &Value) -> Option<Value> {
        if name.to_lowercase().contains("password") {
            self.take_text(MASK)?;
            return Some(Value::String(MASK.to_owned()));
        }
        match value {
            Value::Object(object) => self.masked_object(object),
            Value::Array(items) => {
                self.take(2 + items.len().saturating_sub(1))?;
                items.iter().map(|item| self.masked("", item)).collect()
            }
            Value::String(text) => {
                self.take_text(text)?;
                Some(value.clone())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.take(value.to_string().len())?;
                Some(value.clone())
            }
        }
    }

    fn masked_object(&mut self, object: &Map<String, Value>) -> Option<Value> {
        self.take(2 + object.len().saturating_sub(1))?;
        let fields = object.iter().map(|(name, value)| {
            self.take_text(name)?;
            self.take(1)?;
            Some((name.clone(), self.masked(name, value)?))
        });
        fields.collect::<Option<Map<_, _>>>().map(Value::Object)
    }

    fn take_text(&mut self, text: &str) -> Option<()> {
        // Escaping makes it longer, never shorter.
        if text.len() > self.0 {
            return None;
        }
        self.take(serde_json::to_string(text).ok()?.len())
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_password_is_masked_wherever_it_stands() {
        let body = json!({"a": 1, "old_Password": "x", "deep": [{"password": {"p": 1}}]});
        let expected = json!({"a": 1, "old_Password": MASK, "deep": [{"password": MASK}]});
        assert_eq!(returned("", &body), expected);
        assert_eq!(returned_object(body.as_object().unwrap()), expected);
    }

    #[test]
    fn what_prints_to_a_thousand_bytes_is_given_back_and_one_more_is_not() {
        let values = |padding: &str| {
            [
                json!(padding),
                json!([null, true, -1.5, {}, [], padding]),
                json!({"ä\n": {"b": [1, 2]}, "password": "p".repeat(2000), "c": padding}),
            ]
        };
        for index in 0..3 {
            let bare = returned("", &values("")[index]).to_string().len();
            let fits = "x".repeat(MAX_INPUT_BYTES - bare);
            let value = &values(&fits)[index];
            assert_eq!(returned("", value).to_string().len(), MAX_INPUT_BYTES);
            assert_eq!(returned("", &values(&format!("{fits}x"))[index]), Value::Null);
        }
    }

    #[test]
    fn only_the_first_faults_are_kept_and_the_rest_is_not_even_made() {
        let (mut faults, mut made) = (Faults::default(), 0);
        for _ in 0..10_000 {
            faults.add(Problem::Missing, || {
                made += 1;
                (Vec::new(), Value::Null)
            });
        }
        assert_eq!((made, faults.0.len()), (MAX_TOLD, MAX_TOLD));
    }
}
