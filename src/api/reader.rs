//! Reading a body: its faults at once (the first 16 are told), each with its place.
//!
//! A type that is read says in one place how it is read and how the document describes it: see
//! [`FromJson`]. Bodies are declared with [`body!`](super::body).

use serde_json::{Map, Number, Value};
use utoipa::openapi::{RefOr, Schema};

use super::faults::{Faults, returned, returned_object};
use super::literals::{self, Step};
use crate::clock::Timestamp;
use crate::error::{Error, Problem, Result, Segment};

/// What a body, or a field of one, is read into.
pub trait FromJson: Sized {
    /// What an absent field is; `None` where the field must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// The same for a field that depends on others of its object.
    fn absent_in(_object: &Map<String, Value>) -> Option<Self> {
        Self::absent()
    }

    /// Reads the value; where it has a fault, tells the reader and gives `None`.
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self>;

    /// The same for a field that depends on others of its object.
    fn read_in(
        value: &Value,
        _object: &Map<String, Value>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        Self::read(value, reader)
    }

    /// What the document says of such a value.
    fn describe() -> RefOr<Schema>;
}

/// Where in the body the reader is, and what was found wrong with it so far.
pub struct Reader<'b> {
    /// The body as it came, for numbers that the parsed one holds only nearly.
    text: &'b [u8],
    now: Timestamp,
    path: Vec<Step>,
    faults: Faults,
}

impl<'b> Reader<'b> {
    /// Reads a whole body, or tells its faults, in the order of its fields. `text` is the body
    /// before it was parsed.
    pub fn read<T: FromJson>(body: Option<&Value>, text: &'b [u8], now: Timestamp) -> Result<T> {
        let path = vec![Step::Field("body")];
        let mut reader = Reader { text, now, path, faults: Faults::default() };
        let read = match body {
            Some(value) => T::read(value, &mut reader),
            None => reader.fault(Problem::Missing, &Value::Null),
        };
        reader.faults.check()?;
        read.ok_or_else(|| Error::Internal("a value was not read and has no fault".into()))
    }

    /// When the request came, for moments that must lie before or after it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The value as an object.
    pub fn object<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        match value {
            Value::Object(object) => Some(object),
            other => self.fault(Problem::NotAnObject, other),
        }
    }

    pub fn string<'v>(&mut self, value: &'v Value) -> Option<&'v str> {
        match value {
            Value::String(text) => Some(text),
            other => self.fault(Problem::NotAString, other),
        }
    }

    /// A string that `parse` takes.
    pub fn parsed<T>(
        &mut self,
        value: &Value,
        parse: impl FnOnce(&str) -> std::result::Result<T, Problem>,
    ) -> Option<T> {
        match parse(self.string(value)?) {
            Ok(parsed) => Some(parsed),
            Err(problem) => self.fault(problem, value),
        }
    }

    /// The field `name` of an object.
    pub fn field<T: FromJson>(
        &mut self,
        object: &Map<String, Value>,
        name: &'static str,
    ) -> Option<T> {
        match object.get(name) {
            Some(value) => {
                self.within(Step::Field(name), |reader| T::read_in(value, object, reader))
            }
            None => T::absent_in(object).or_else(|| self.missing(object, name)),
        }
    }

    /// Tells that the field `name` of the object is not there.
    pub fn missing<T>(&mut self, object: &Map<String, Value>, name: &'static str) -> Option<T> {
        self.within(Step::Field(name), |reader| {
            let path = &reader.path;
            reader.faults.add(Problem::Missing, || (place(path), returned_object(object)));
            None
        })
    }

    /// Tells what is wrong with the field `name` of the object, which is there.
    pub fn fault_at<T>(
        &mut self,
        object: &Map<String, Value>,
        name: &'static str,
        problem: Problem,
    ) -> Option<T> {
        let value = object.get(name).unwrap_or(&Value::Null);
        self.within(Step::Field(name), |reader| reader.fault(problem, value))
    }

    /// Refuses the fields of the object that are none of the `known`.
    pub fn only(&mut self, object: &Map<String, Value>, known: &[&str]) -> Option<()> {
        let mut only = Some(());
        for (name, value) in object.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let read = |reader: &mut Reader<'b>| reader.fault(Problem::Unexpected, value);
            only = self.within(Step::Key(name.clone()), read);
        }
        only
    }

    /// Every item of an array; `None` where one of them has a fault.
    pub fn items<T: FromJson>(&mut self, items: &[Value]) -> Option<Vec<T>> {
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            read.push(self.item(index, |reader| T::read(item, reader)));
        }
        read.into_iter().collect()
    }

    /// Reads the item at that index of the array where the reader is.
    pub fn item<T>(&mut self, index: usize, read: impl FnOnce(&mut Reader<'b>) -> T) -> T {
        self.within(Step::Item(index), read)
    }

    /// Every value of an object whose names the client chooses, read by `read`.
    pub fn entries<T>(
        &mut self,
        object: &Map<String, Value>,
        mut read: impl FnMut(&str, &Value, &mut Reader<'b>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut entries = Vec::with_capacity(object.len());
        for (name, value) in object {
            let step = Step::Key(name.clone());
            entries.push(self.within(step, |reader| read(name, value, reader)));
        }
        entries.into_iter().collect()
    }

    /// The number where the reader is, as the client has written it.
    pub fn literal(&self, number: &Number) -> String {
        if number.is_f64()
            && let Some(literal) = literals::find(self.text, &self.path[1..])
        {
            return literal;
        }
        number.to_string()
    }

    /// Tells what is wrong with the value where the reader is.
    pub fn fault<T>(&mut self, problem: Problem, input: &Value) -> Option<T> {
        let path = &self.path;
        let name = match path.last() {
            Some(Step::Field(name)) => *name,
            Some(Step::Key(name)) => name.as_str(),
            _ => "",
        };
        self.faults.add(problem, || (place(path), returned(name, input)));
        None
    }

    fn within<T>(&mut self, step: Step, read: impl FnOnce(&mut Reader<'b>) -> T) -> T {
        self.path.push(step);
        let read = read(self);
        self.path.pop();
        read
    }
}

fn place(path: &[Step]) -> Vec<Segment> {
    let segment = |step: &Step| match step {
        Step::Field(name) => Segment::from(*name),
        Step::Key(name) => Segment::Name(name.clone()),
        Step::Item(index) => Segment::Index(*index),
    };
    path.iter().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::body::body;
    use crate::api::faults::MASK;
    use crate::api::inputs::{KnownPassword, LaxBool};
    use crate::error::Violation;
    use serde_json::json;

    body! {
        /// An item.
        pub struct Item as "Item" {
            name: String,
            wanted: LaxBool,
        }
    }

    body! {
        /// A list of them.
        pub struct List as "List" {
            title: String,
            items: Items,
            password: KnownPassword,
        }
    }

    #[derive(Debug)]
    pub struct Items(Vec<Item>);

    impl FromJson for Items {
        fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Items> {
            let items = value.as_array()?;
            reader.items(items).map(Items)
        }

        fn describe() -> RefOr<Schema> {
            Item::describe()
        }
    }

    fn faults<T: FromJson + std::fmt::Debug>(body: &Value) -> Vec<Violation> {
        let Err(Error::Invalid(faults)) = Reader::read::<T>(Some(body), b"", Timestamp::EPOCH)
        else {
            panic!("no faults")
        };
        faults
    }

    #[test]
    fn all_faults_are_told_at_once_in_order_and_at_any_depth() {
        let items = json!([{"name": "a", "wanted": "on"}, {"name": 5, "wanted": "maybe"}]);
        let found = faults::<List>(&json!({"items": items, "password": 7}));
        let problems: Vec<_> = found.iter().map(|fault| fault.problem.clone()).collect();
        let expected =
            [Problem::Missing, Problem::NotAString, Problem::UnreadableBool, Problem::NotAString];
        assert_eq!(problems, expected);
        let place = |steps: &[&str]| steps.iter().map(|it| Segment::from(*it)).collect::<Vec<_>>();
        assert_eq!(found[0].location, place(&["body", "title"]));
        let mut name = place(&["body", "items"]);
        name.extend([Segment::Index(1), Segment::from("name")]);
        assert_eq!(found[1].location, name);
        assert_eq!(found[3].input, json!(MASK));
    }

    #[test]
    fn a_body_that_is_whole_is_read() {
        let body = json!({"title": "t", "items": [{"name": "a", "wanted": 0}], "password": "p"});
        let list = Reader::read::<List>(Some(&body), b"", Timestamp::EPOCH).unwrap();
        assert_eq!((list.title.as_str(), list.items.0.len()), ("t", 1));
        assert_eq!(list.password.as_str(), "p");
        assert!(!list.items.0[0].wanted.0 && list.items.0[0].name == "a");
    }

    #[test]
    fn a_body_that_is_absent_or_no_object_says_so() {
        assert_eq!(faults::<Item>(&json!([1]))[0].problem, Problem::NotAnObject);
        let Err(Error::Invalid(faults)) = Reader::read::<Item>(None, b"", Timestamp::EPOCH) else {
            panic!("no faults")
        };
        assert_eq!((&faults[0].problem, faults[0].location.len()), (&Problem::Missing, 1));
    }
}
