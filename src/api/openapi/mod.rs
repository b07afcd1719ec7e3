//! The OpenAPI 3.1 document, made from the route table and the wire's types: what a route's
//! columns say (who may come in, its limit, its body, its id) is read from them, and only
//! what the columns can't say is told by its [`OperationDoc`].

pub mod document;
mod errors;
mod headers;
mod operation;
pub mod order_schemas;
pub mod schemas;

pub use headers::response_with_headers;
pub use operation::{AFTER, OperationDoc, Tag, plain_response};
