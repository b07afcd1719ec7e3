//! Reading a body: its faults at once (the first 16 are told), each with its place.
//!
//! A type that is read says in one place how it is read and how the document describes it: see
//! [`FromJson`]. Bodies are declared with [`body!`](crate::api::reader::body).

use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};

use super::faults::{Faults, returned, returned_object};
use crate::error::{Error, Problem, Result, Segment};

/// What a body, or a field of one, is read into.
pub trait FromJson: Sized {
    /// What an absent field is; `None` where the field must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads the value; where it has a fault, tells the reader and gives `None`.
    fn read(value: &Value, reader: &mut Reader) -> Option<Self>;

    /// What the document says of such a value.
    fn describe() -> RefOr<Schema>;
}

/// Where in the body the reader is, and what was found wrong with it so far.
pub struct Reader {
    path: Vec<Step>,
    faults: Faults,
}

#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Item(usize),
}

impl Reader {
    /// Reads a whole body, or tells its faults, in the order of its fields.
    pub fn read<T: FromJson>(body: Option<&Value>) -> Result<T> {
        let mut reader = Reader { path: vec![Step::Field("body")], faults: Faults::default() };
        let read = match body {
            Some(value) => T::read(value, &mut reader),
            None => reader.fault(Problem::Missing, &Value::Null),
        };
        reader.faults.check()?;
        read.ok_or_else(|| Error::Internal("a value was not read and has no fault".into()))
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
        self.path.push(Step::Field(name));
        let read = match object.get(name) {
            Some(value) => T::read(value, self),
            None => T::absent().or_else(|| {
                let path = &self.path;
                self.faults.add(Problem::Missing, || (place(path), returned_object(object)));
                None
            }),
        };
        self.path.pop();
        read
    }

    /// Every item of an array; `None` where one of them has a fault.
    pub fn items<T: FromJson>(&mut self, items: &[Value]) -> Option<Vec<T>> {
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Item(index));
            read.push(T::read(item, self));
            self.path.pop();
        }
        read.into_iter().collect()
    }

    /// Tells what is wrong with the value where the reader is.
    pub fn fault<T>(&mut self, problem: Problem, input: &Value) -> Option<T> {
        let path = &self.path;
        let name = match path.last() {
            Some(Step::Field(name)) => name,
            _ => "",
        };
        self.faults.add(problem, || (place(path), returned(name, input)));
        None
    }
}

fn place(path: &[Step]) -> Vec<Segment> {
    let segment = |step: &Step| match step {
        Step::Field(name) => Segment::from(*name),
        Step::Item(index) => Segment::Index(*index),
    };
    path.iter().map(segment).collect()
}

/// Declares a JSON object that is read from a body: each field's type says how it is read and
/// described. The name behind `as` is the one in the document.
macro_rules! body {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident as $schema:literal {
            $($field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name {
            $(pub $field: $type,)*
        }

        impl $crate::api::reader::FromJson for $name {
            fn read(
                value: &serde_json::Value,
                reader: &mut $crate::api::reader::Reader,
            ) -> Option<$name> {
                let object = reader.object(value)?;
                // All of them are read before the first fault ends it.
                $(let $field = reader.field::<$type>(object, stringify!($field));)*
                Some($name { $($field: $field?,)* })
            }

            fn describe() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::Ref::from_schema_name($schema).into()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use $crate::api::reader::FromJson;
                let about = [$($doc),*].map(str::trim).join(" ");
                let mut object = utoipa::openapi::schema::ObjectBuilder::new()
                    .description(Some(about));
                $(
                    let name = stringify!($field);
                    object = object.property(name, <$type as FromJson>::describe());
                    if <$type as FromJson>::absent().is_none() {
                        object = object.required(name);
                    }
                )*
                object.into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            }
        }
    };
}
pub(crate) use body;

#[cfg(test)]
mod tests {
    use super::*;
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
        fn read(value: &Value, reader: &mut Reader) -> Option<Items> {
            let items = value.as_array()?;
            reader.items(items).map(Items)
        }

        fn describe() -> RefOr<Schema> {
            Item::describe()
        }
    }

    fn faults<T: FromJson + std::fmt::Debug>(body: &Value) -> Vec<Violation> {
        let Err(Error::Invalid(faults)) = Reader::read::<T>(Some(body)) else {
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
        let list = Reader::read::<List>(Some(&body)).unwrap();
        assert_eq!((list.title.as_str(), list.items.0.len()), ("t", 1));
        assert_eq!(list.password.as_str(), "p");
        assert!(!list.items.0[0].wanted.0 && list.items.0[0].name == "a");
    }

    #[test]
    fn a_body_that_is_absent_or_no_object_says_so() {
        assert_eq!(faults::<Item>(&json!([1]))[0].problem, Problem::NotAnObject);
        let Err(Error::Invalid(faults)) = Reader::read::<Item>(None) else { panic!("no faults") };
        assert_eq!((&faults[0].problem, faults[0].location.len()), (&Problem::Missing, 1));
    }
}
