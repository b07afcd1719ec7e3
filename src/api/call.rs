//! One request on its way to a handler: checked, and with its caller known.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::console::files::Console;
use super::exposition::Exposition;
use super::faults::returned;
use super::query::integer;
use super::reader::{FromJson, Reader};
use crate::domain::MAX_ID;
use crate::error::{Error, Result, Violation};
use crate::http::{Field, Head, Response};
use crate::mail::Templates;
use crate::metrics::Metrics;
use crate::service::{Caller, Context, Service};
use crate::webhooks::tester::Tester;

/// What handlers stand on.
pub struct Backend {
    pub service: Arc<Service>,
    /// For what a mail says.
    pub templates: Arc<Templates>,
    pub metrics: Arc<Metrics>,
    pub exposition: Exposition,
    /// Looks up where webhooks go, and tries them out.
    pub tester: Tester,
    /// The pages for people, where the operator wants them.
    pub console: Option<Console>,
    /// The OpenAPI document, which is made of all handlers.
    pub document: fn() -> &'static str,
}

/// What a handler gets.
pub struct Call<'a> {
    pub backend: &'a Backend,
    pub cx: &'a Context,
    pub caller: Caller,
    pub head: &'a Head,
    /// What stands where the route's pattern has an id.
    pub parameter: Option<&'a str>,
    /// What follows the `?`, as it came.
    pub query: &'a str,
    /// Parsed where the route takes a body; `None` where none was sent, or `null`.
    pub body: Option<Value>,
    /// The body as it came.
    pub raw_body: &'a [u8],
}

impl Call<'_> {
    pub fn service(&self) -> &Service {
        &self.backend.service
    }

    /// # Errors
    /// All faults of the body at once.
    pub fn read_body<T: FromJson>(&self) -> Result<T> {
        Reader::read(self.body.as_ref(), self.raw_body, self.service().now())
    }

    /// The id in the path, which the pattern calls `name`.
    pub fn path_id(&self, name: &str) -> Result<u64> {
        let text = self.parameter.unwrap_or_default();
        integer(text, 1, MAX_ID).map_err(|problem| {
            let location = vec!["path".into(), name.into()];
            Error::Invalid(vec![Violation::new(location, problem, returned(name, &text.into()))])
        })
    }

    pub fn header(&self, field: Field) -> Option<&str> {
        self.head.field(field)
    }
}

/// The token that a request bears.
pub fn bearer(head: &Head) -> Option<&str> {
    let (scheme, token) = head.field(Field::Authorization)?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// An operation that has begun and whose result isn't there yet, such as an order on its way
/// to the disk.
pub trait Pending: Send {
    fn is_ready(&self) -> bool;

    /// When it is finished even if it isn't ready; `None` where it must be ready first.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether it is given up when its client hangs up. An operation that is done all the same
    /// goes on.
    fn ends_with_client(&self) -> bool {
        false
    }

    /// Ends the operation and renders its result.
    fn finish(self: Box<Self>, service: &Service, cx: &Context) -> Result<Response>;
}
