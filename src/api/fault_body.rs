//! What is wrong with fields and parameters, as pydantic 2 words it.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::openapi::schemas;
use crate::error::{Problem, Segment, Violation};

/// What is wrong with one field or parameter.
#[derive(Serialize, ToSchema)]
#[schema(as = Fault)]
pub struct FaultBody<'e> {
    /// A word for programs, like `missing`.
    #[serde(rename = "type")]
    kind: &'static str,
    #[schema(schema_with = schemas::location)]
    loc: Vec<Value>,
    msg: String,
    /// What was given; passwords are masked.
    // It is lent, not copied: it may be large.
    #[schema(schema_with = schemas::anything)]
    input: &'e Value,
    /// The bounds that were broken, or more about why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::object, required = false)]
    ctx: Option<Value>,
}

impl<'e> From<&'e Violation> for FaultBody<'e> {
    fn from(violation: &'e Violation) -> FaultBody<'e> {
        let (kind, msg, context) = describe(&violation.problem);
        let loc = violation.location.iter().map(segment).collect();
        let ctx = context.map(|(name, value)| json!({ name: value }));
        FaultBody { kind, loc, msg, input: &violation.input, ctx }
    }
}

fn segment(segment: &Segment) -> Value {
    match segment {
        Segment::Name(name) => name.as_str().into(),
        Segment::Index(index) => (*index).into(),
    }
}

type Described = (&'static str, String, Option<(&'static str, Value)>);

/// Type, message and context.
fn describe(problem: &Problem) -> Described {
    let plain = |kind, message: &str| (kind, message.to_owned(), None);
    match problem {
        Problem::Missing => plain("missing", "Field required"),
        Problem::JsonInvalid { why } => {
            ("json_invalid", "JSON decode error".into(), Some(("error", why.as_str().into())))
        }
        Problem::NotAnObject => plain(
            "model_attributes_type",
            "Input should be a valid dictionary or object to extract fields from",
        ),
        Problem::NotAString => plain("string_type", "Input should be a valid string"),
        Problem::TooShort { min } => {
            let message = format!("String should have at least {}", characters(*min));
            ("string_too_short", message, Some(("min_length", (*min).into())))
        }
        Problem::TooLong { max } => {
            let message = format!("String should have at most {}", characters(*max));
            ("string_too_long", message, Some(("max_length", (*max).into())))
        }
        Problem::UnreadableBool => {
            plain("bool_parsing", "Input should be a valid boolean, unable to interpret input")
        }
        Problem::NotABool => plain("bool_type", "Input should be a valid boolean"),
        Problem::NotOneOf { expected } => {
            let context = Some(("expected", (*expected).into()));
            ("literal_error", format!("Input should be {expected}"), context)
        }
        Problem::NotAnEmail { reason } => {
            let message = format!("value is not a valid email address: {reason}");
            ("value_error", message, Some(("reason", reason.as_str().into())))
        }
        Problem::NotAnInteger { is_text: true } => plain(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        Problem::NotAnInteger { is_text: false } => {
            plain("int_type", "Input should be a valid integer")
        }
        Problem::Fraction => plain(
            "int_from_float",
            "Input should be a valid integer, got a number with a fractional part",
        ),
        Problem::NotADecimal => plain("decimal_type", "Input should be a number"),
        Problem::TooManyDecimals { max } => {
            let message = format!("Decimal input should have no more than {max} decimal places");
            ("decimal_max_places", message, Some(("decimal_places", (*max).into())))
        }
        Problem::NotAnArray => plain("list_type", "Input should be a valid list"),
        Problem::TooFewItems { min, found } => {
            let message = format!("List should have at least {}, not {found}", items(*min));
            ("too_short", message, Some(("min_length", (*min).into())))
        }
        Problem::TooManyItems { max, found } => {
            let message = format!("List should have at most {}, not {found}", items(*max));
            ("too_long", message, Some(("max_length", (*max).into())))
        }
        Problem::NotADictionary => plain("dict_type", "Input should be a valid dictionary"),
        Problem::NotAbove { bound } => {
            let message = format!("Input should be greater than {bound}");
            ("greater_than", message, Some(("gt", (*bound).into())))
        }
        Problem::AboveDecimal { max } => {
            let message = format!("Input should be less than or equal to {max}");
            ("less_than_equal", message, Some(("le", (*max).into())))
        }
        Problem::Below { min } => {
            let message = format!("Input should be greater than or equal to {min}");
            ("greater_than_equal", message, Some(("ge", (*min).into())))
        }
        Problem::Above { max } => {
            let message = format!("Input should be less than or equal to {max}");
            ("less_than_equal", message, Some(("le", (*max).into())))
        }
        Problem::Value { reason } => {
            ("value_error", reason.clone(), Some(("reason", reason.as_str().into())))
        }
        Problem::Unexpected => plain("extra_forbidden", "Extra inputs are not permitted"),
    }
}

fn items(count: usize) -> String {
    format!("{count} item{} after validation", if count == 1 { "" } else { "s" })
}

fn characters(count: usize) -> String {
    format!("{count} character{}", if count == 1 { "" } else { "s" })
}
