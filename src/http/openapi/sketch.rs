//! What an operation tells of itself, before the route's columns add the rest.

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema};

use super::errors;

pub struct Sketch {
    pub operation: Operation,
    /// What its bodies refer to, by name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl Sketch {
    pub fn new(id: &str, tag: &str, summary: &str) -> Sketch {
        let mut operation = Operation::new();
        operation.operation_id = Some(id.to_owned());
        operation.tags = Some(vec![tag.to_owned()]);
        operation.summary = Some(summary.to_owned());
        Sketch { operation, schemas: Vec::new() }
    }

    pub fn about(mut self, text: &str) -> Sketch {
        self.operation.description = Some(text.to_owned());
        self
    }

    /// A JSON body, which must be there.
    pub fn reads<T: ToSchema>(mut self, example: Value) -> Sketch {
        let mut content = self.content::<T>();
        content.example = Some(example);
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(Required::True));
        self.operation.request_body = Some(body.build().into());
        self
    }

    /// A query parameter, which may be absent.
    pub fn query(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> Sketch {
        self.parameter(name, ParameterIn::Query, schema, about)
    }

    /// A header of the request, which may be absent.
    pub fn header(self, name: &str, schema: impl Into<RefOr<Schema>>, about: &str) -> Sketch {
        self.parameter(name, ParameterIn::Header, schema, about)
    }

    /// A JSON body in an answer of status 200.
    pub fn answers<T: ToSchema>(self, about: &str) -> Sketch {
        let response = ResponseBuilder::new().description(about).build();
        self.answers_with::<T>(200, response)
    }

    /// `response`, with a JSON body.
    pub fn answers_with<T: ToSchema>(mut self, status: u16, mut response: Response) -> Sketch {
        // Generated clients read the first media type that they know.
        let content = self.content::<T>().into();
        response.content.shift_insert(0, "application/json".to_owned(), content);
        self.responds(status, response)
    }

    pub fn responds(mut self, status: u16, response: Response) -> Sketch {
        self.operation.responses.responses.insert(status.to_string(), response.into());
        self
    }

    /// One of the errors that have a place of their own in the document.
    pub fn refuses(mut self, status: u16) -> Sketch {
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
    ) -> Sketch {
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
