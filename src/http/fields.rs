//! Reading the fields of a body, all of their faults at once.

use serde_json::{Map, Value};

use crate::error::{Error, Problem, Result, Violation};

/// What stands in the place of a password wherever input is given back.
const MASK: &str = "**********";

/// An object of the body, and what was found wrong with it so far. Every reader gives
/// none where it has found a fault, and [`Fields::check`] then tells all of them.
pub struct Fields<'b> {
    object: &'b Map<String, Value>,
    faults: Vec<Violation>,
}

impl<'b> Fields<'b> {
    pub fn of(object: &'b Map<String, Value>) -> Fields<'b> {
        Fields { object, faults: Vec::new() }
    }

    /// Faults in the order in which the fields were read.
    pub fn check(&mut self) -> Result<()> {
        match std::mem::take(&mut self.faults) {
            faults if faults.is_empty() => Ok(()),
            faults => Err(Error::Invalid(faults)),
        }
    }

    pub fn string(&mut self, name: &str) -> Option<&'b str> {
        match self.require(name)? {
            Value::String(text) => Some(text),
            other => self.fault(name, Problem::NotAString, other),
        }
    }

    pub fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> std::result::Result<T, Problem>,
    ) -> Option<T> {
        let text = self.string(name)?;
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(problem) => self.fault(name, problem, &self.object[name]),
        }
    }

    /// One of a few texts; `default` where the field is missing.
    pub fn choice<T>(
        &mut self,
        name: &str,
        default: T,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.object.get(name) else { return Some(default) };
        match value.as_str().and_then(parse) {
            Some(parsed) => Some(parsed),
            None => self.fault(name, Problem::NotOneOf { expected }, value),
        }
    }

    /// A boolean as the old service took them: also `1`, `0`, `"yes"`, `"off"` …
    pub fn lax_bool(&mut self, name: &str) -> Option<bool> {
        let value = self.require(name)?;
        match lax_bool(value) {
            Ok(parsed) => Some(parsed),
            Err(problem) => self.fault(name, problem, value),
        }
    }

    fn require(&mut self, name: &str) -> Option<&'b Value> {
        let found = self.object.get(name);
        if found.is_none() {
            let whole = masked_object(self.object);
            self.faults.push(Violation::new(at(name), Problem::Missing, whole));
        }
        found
    }

    fn fault<T>(&mut self, name: &str, problem: Problem, input: &Value) -> Option<T> {
        self.faults.push(Violation::new(at(name), problem, masked(name, input)));
        None
    }
}

fn at(name: &str) -> Vec<crate::error::Segment> {
    vec!["body".into(), name.into()]
}

pub fn lax_bool(value: &Value) -> std::result::Result<bool, Problem> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Ok(true),
            Some(0.0) => Ok(false),
            // A fraction is no boolean at all; a whole number is one that can't be read.
            Some(number) if number.fract() != 0.0 => Err(Problem::NotABool),
            _ => Err(Problem::UnreadableBool),
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
            _ => Err(Problem::UnreadableBool),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Problem::NotABool),
    }
}

/// The value of a field as it may be given back.
pub fn masked(name: &str, value: &Value) -> Value {
    if name.to_lowercase().contains("password") {
        return Value::String(MASK.to_owned());
    }
    match value {
        Value::Object(object) => masked_object(object),
        Value::Array(items) => items.iter().map(|item| masked("", item)).collect(),
        other => other.clone(),
    }
}

fn masked_object(object: &Map<String, Value>) -> Value {
    object.iter().map(|(name, value)| (name.clone(), masked(name, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_are_lax() {
        for yes in
            [json!(true), json!(1), json!(1.0), json!("TRUE"), json!("y"), json!("On"), json!("1")]
        {
            assert_eq!(lax_bool(&yes), Ok(true), "{yes}");
        }
        for no in
            [json!(false), json!(0), json!(0.0), json!("f"), json!("No"), json!("off"), json!("0")]
        {
            assert_eq!(lax_bool(&no), Ok(false), "{no}");
        }
        for unreadable in [json!(2), json!(-1), json!("maybe"), json!(""), json!(" true")] {
            assert_eq!(lax_bool(&unreadable), Err(Problem::UnreadableBool), "{unreadable}");
        }
        for other in [json!(null), json!(1.5), json!([true]), json!({})] {
            assert_eq!(lax_bool(&other), Err(Problem::NotABool), "{other}");
        }
    }

    #[test]
    fn a_password_is_masked_wherever_it_stands() {
        let body = json!({"a": 1, "old_Password": "x", "deep": [{"password": {"p": 1}}]});
        let masked = masked("", &body);
        assert_eq!(masked, json!({"a": 1, "old_Password": MASK, "deep": [{"password": MASK}]}));
    }

    #[test]
    fn all_faults_are_told_at_once_in_order() {
        let body = json!({"username": 5, "email": "x"});
        let mut fields = Fields::of(body.as_object().unwrap());
        assert_eq!(fields.string("username"), None);
        assert_eq!(fields.string("email"), Some("x"));
        assert_eq!(fields.string("password"), None);
        let Err(Error::Invalid(faults)) = fields.check() else { panic!("no faults") };
        let problems: Vec<_> = faults.into_iter().map(|fault| fault.problem).collect();
        assert_eq!(problems, [Problem::NotAString, Problem::Missing]);
    }
}
