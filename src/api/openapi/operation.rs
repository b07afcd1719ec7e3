//! What an operation tells of itself, before the route's columns add the rest.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::{errors, schemas};
use crate::api::form::FORM;
use crate::domain::MAX_ID;
use crate::store::PAGE_ROWS;

/// What the `after` of a list is.
pub const AFTER: &str = "Begin behind this id: the `next` of the page before.";

/// The groups of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Accounts,
    Orders,
    Events,
    Webhooks,
    Emails,
    System,
}

impl Tag {
    pub const ALL: [Tag; 6] =
        [Tag::Accounts, Tag::Orders, Tag::Events, Tag::Webhooks, Tag::Emails, Tag::System];

    pub fn name(self) -> &'static str {
        match self {
            Tag::Accounts => "Accounts",
            Tag::Orders => "Orders",
            Tag::Events => "Events",
            Tag::Webhooks => "Webhooks",
            Tag::Emails => "Emails",
            Tag::System => "System",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Tag::Accounts => "Logging in, and the users.",
            Tag::Orders => "Placing orders, and finding them.",
            Tag::Events => "What has changed, for those who follow it.",
            Tag::Webhooks => "Who is told of it, for admins.",
            Tag::Emails => "The outbox, for admins.",
            Tag::System => "What the service is, how it is, and what it has counted.",
        }
    }
}

/// An operation as far as its own file describes it.
pub struct OperationDoc {
    pub operation: Operation,
    /// What its bodies refer to, by name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl OperationDoc {
    pub fn new(id: &str, tag: Tag, summary: &str) -> OperationDoc {
        let mut operation = Operation::new();
        operation.operation_id = Some(id.to_owned());
        operation.tags = Some(vec![tag.name().to_owned()]);
        operation.summary = Some(summary.to_owned());
        OperationDoc { operation, schemas: Vec::new() }
    }

    pub fn about(mut self, text: &str) -> OperationDoc {
        self.operation.description = Some(text.to_owned());
        self
    }

    /// A JSON body, which must be there.
    pub fn reads<T: ToSchema>(mut self, example: Value) -> OperationDoc {
        let mut content = self.content::<T>();
        content.example = Some(example);
        self.body("application/json", content)
    }

    /// The same fields as an HTML form sends them.
    pub fn reads_form<T: ToSchema>(mut self) -> OperationDoc {
        let content = self.content::<T>();
        self.body(FORM, content)
    }

    fn body(mut self, kind: &str, content: Content) -> OperationDoc {
        let body = RequestBodyBuilder::new().content(kind, content).required(Some(Required::True));
        self.operation.request_body = Some(body.build().into());
        self
    }

    /// A query parameter, which may be absent.
    pub fn query(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> OperationDoc {
        self.parameter(name, ParameterIn::Query, schema, about)
    }

    /// The parameters of a list that is always paged, with `default` rows a page.
    pub fn paged(self, default: u64) -> OperationDoc {
        let about = format!("A page of at most so many; {default} if absent.");
        self.query("limit", schemas::integer(1, PAGE_ROWS as u64), &about).query(
            "after",
            schemas::integer(1, MAX_ID),
            AFTER,
        )
    }

    /// A header of the request, which may be absent.
    pub fn header(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> OperationDoc {
        self.parameter(name, ParameterIn::Header, schema, about)
    }

    /// A JSON body in an answer of status 200.
    pub fn answers<T: ToSchema>(self, about: &str) -> OperationDoc {
        let response = plain_response(about);
        self.answers_with::<T>(200, response)
    }

    /// `response`, with a JSON body.
    pub fn answers_with<T: ToSchema>(
        mut self,
        status: u16,
        mut response: Response,
    ) -> OperationDoc {
        // Generated clients read the first media type that they know.
        let content = self.content::<T>().into();
        response.content.shift_insert(0, "application/json".to_owned(), content);
        self.responds(status, response)
    }

    /// Schemas that the bodies refer to without naming their types.
    pub fn with_schemas(
        mut self,
        add: impl FnOnce(&mut Vec<(String, RefOr<Schema>)>),
    ) -> OperationDoc {
        add(&mut self.schemas);
        self
    }

    pub fn responds(mut self, status: u16, response: Response) -> OperationDoc {
        self.operation.responses.responses.insert(status.to_string(), response.into());
        self
    }

    /// One of the errors that have a place of their own in the document.
    pub fn fails_with(mut self, status: u16) -> OperationDoc {
        let reference = errors::reference(status);
        self.operation.responses.responses.insert(status.to_string(), reference.into());
        self
    }

    fn content<T: ToSchema>(&mut self) -> Content {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        Content::new(Some(Ref::from_schema_name(T::name())))
    }

    fn parameter(
        mut self,
        name: &str,
        place: ParameterIn,
        schema: impl Into<RefOr<Schema>>,
        about: &str,
    ) -> OperationDoc {
        let parameter: Parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(schema))
            .build();
        self.operation.parameters.get_or_insert_default().push(parameter.into());
        self
    }
}

/// A response without a body.
pub fn plain_response(about: &str) -> Response {
    ResponseBuilder::new().description(about).build()
}
