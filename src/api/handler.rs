//! From a complete request to its response: route, body, token, limit, role, handler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;

use super::call::{Backend, Call, Pending, bearer};
use super::client_address::TrustedProxies;
use super::console::files::Console;
use super::cors::{Cors, Grant};
use super::errors::{self, ErrorFormat, ErrorResponse};
use super::exposition::Exposition;
use super::form;
use super::json;
use super::large_body_gate::{LargeBodyGate, Permit};
use super::meters::Meters;
use super::openapi::document;
use super::request_id::RequestIds;
use super::routes::{Access, BodyKind, Handler, ROUTES, Route};
use super::routing::{self, Found, decode_path, split_target};
use crate::config::Config;
use crate::error::{Error, Result, Unauthenticated};
use crate::http::{self, Deferred, Field, Head, Outcome, Peer, Rejection, Response};
use crate::logging;
use crate::mail::Templates;
use crate::metrics::Metrics;
use crate::service::{Caller, Context, LimitState, Service};
use crate::webhooks::tester::Tester;

/// The handler of all requests. Clones share it.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    backend: Backend,
    meters: Meters,
    cors: Cors,
    trusted_proxies: TrustedProxies,
    request_ids: RequestIds,
    large_bodies: LargeBodyGate,
}

/// What of a request shapes its response, whatever the response is.
struct ResponseStyle {
    request_id: String,
    format: ErrorFormat,
    grant: Grant,
}

/// What a request comes to.
enum Answer {
    /// From the endpoint at this index of the route table.
    Routed(usize, Result<Response>),
    Pending(usize, Box<dyn Pending>),
    /// From no route: to `OPTIONS`, or a 404, 405 or 307.
    Unrouted(Response),
}

impl Api {
    /// # Errors
    /// The system has no random bytes.
    pub fn new(
        config: &Config,
        service: Arc<Service>,
        templates: Arc<Templates>,
        metrics: Arc<Metrics>,
        metrics_age: Duration,
        tester: Tester,
    ) -> Result<Api> {
        Ok(Api(Arc::new(Shared {
            meters: Meters::new(&metrics),
            cors: Cors::new(config.allowed_origins()),
            trusted_proxies: TrustedProxies::new(config.trusted_proxies.0.clone()),
            request_ids: RequestIds::new()?,
            large_bodies: LargeBodyGate::default(),
            backend: Backend {
                service,
                templates,
                metrics,
                exposition: Exposition::new(metrics_age),
                tester,
                console: Console::new(config),
                document: document::json,
            },
        })))
    }
}

impl http::Handler for Api {
    fn respond_unrouted(&self, head: &Head) -> Option<Response> {
        let shared = &self.0;
        if head.method() == "OPTIONS" {
            return None;
        }
        let (path, _) = split_target(head.target());
        let path = decode_path(path);
        let missed = match routing::find(head.method(), &path) {
            Found::Route { .. } => return None,
            missed => missed,
        };
        let style = shared.style(head);
        let response = unrouted(missed, head.target(), &style);
        shared.meters.count_unmatched(head.method(), response.status);
        Some(shared.finish(response, style))
    }

    fn respond(&self, head: &Head, body: &[u8], peer: &Peer) -> Outcome {
        let (shared, started) = (&self.0, Instant::now());
        let style = shared.style(head);
        let client = shared.trusted_proxies.client_of(head, peer);
        let cx = Context::new(style.request_id.clone(), client);
        let caller = match peer {
            Peer::Client(_) => Caller::Anonymous,
            Peer::Local => Caller::Operator,
        };
        // Dropped last: while it is held, what was made of a large body still takes memory.
        let mut permit = None;
        match shared.answer(head, body, &cx, caller, &style, &mut permit) {
            Answer::Pending(endpoint, pending) => {
                let shared = Arc::clone(shared);
                let response = PendingResponse { shared, endpoint, pending, cx, style, started };
                Outcome::Deferred(Box::new(response))
            }
            Answer::Routed(endpoint, result) => {
                Outcome::Response(shared.conclude(endpoint, result, &cx, style, started))
            }
            Answer::Unrouted(response) => {
                shared.meters.count_unmatched(head.method(), response.status);
                Outcome::Response(shared.finish(response, style))
            }
        }
    }

    fn stop(&self) {
        self.0.backend.service.waiters().stop();
        self.0.backend.tester.stop();
    }

    fn reject(&self, rejection: Rejection, head: Option<&Head>, peer: &Peer) -> Response {
        let shared = &self.0;
        let reason = rejection.reason();
        logging::limited(Level::Debug, reason, format_args!("rejected {reason} from {peer}"));
        shared.meters.count_rejected(rejection.status());
        let busy = Error::busy(rejection.reason());
        let error = match rejection.status() {
            503 => ErrorResponse::from(&busy),
            status => ErrorResponse::new(status, rejection.text()),
        };
        match head {
            Some(head) => {
                let style = shared.style(head);
                shared.finish(error.render(style.format, &style.request_id), style)
            }
            None => {
                let request_id = shared.request_ids.next();
                error.render(ErrorFormat::Plain, &request_id).header("X-Request-Id", request_id)
            }
        }
    }
}

impl Shared {
    fn style(&self, head: &Head) -> ResponseStyle {
        ResponseStyle {
            request_id: self.request_ids.of(head),
            format: ErrorFormat::wanted_by(head),
            grant: self.cors.grant(head),
        }
    }

    fn answer<'s>(
        &'s self,
        head: &Head,
        body: &[u8],
        cx: &Context,
        caller: Caller,
        style: &ResponseStyle,
        permit: &mut Option<Permit<'s>>,
    ) -> Answer {
        if let Some(response) = self.cors.preflight(head) {
            return Answer::Unrouted(response);
        }
        // RFC 9110, 9.3.7.
        if head.method() == "OPTIONS"
            && let Some(allowed) = routing::options(head.target())
        {
            return Answer::Unrouted(Response::new(204).header("Allow", allowed));
        }
        let (path, query) = split_target(head.target());
        let path = decode_path(path);
        let (endpoint, parameter) = match routing::find(head.method(), &path) {
            Found::Route { index, parameter } => (index, parameter),
            missed => return Answer::Unrouted(unrouted(missed, head.target(), style)),
        };
        let route = &ROUTES[endpoint];
        let backend = &self.backend;
        let call = Call { backend, cx, caller, head, parameter, query, body: None, raw_body: body };
        match self.call(route, call, style, permit) {
            Ok(Called::Response(response)) => Answer::Routed(endpoint, Ok(response)),
            Ok(Called::Pending(pending)) => Answer::Pending(endpoint, pending),
            Err(why) => {
                cx.log_refusal(format_args!("{} {}", route.method.as_str(), route.pattern), &why);
                Answer::Routed(endpoint, Err(why))
            }
        }
    }

    /// The checks ahead of a handler, in the order that the wire contract gives; and the
    /// handler.
    fn call<'s>(
        &'s self,
        route: &Route,
        mut call: Call<'_>,
        style: &ResponseStyle,
        permit: &mut Option<Permit<'s>>,
    ) -> Result<Called> {
        let body = call.raw_body;
        if route.body != BodyKind::Unused {
            *permit = Some(self.large_bodies.acquire(body.len())?);
            let content_type = call.header(Field::ContentType);
            if !body.is_empty() && content_type.is_some_and(|given| !is_of(route.body, given)) {
                let error = ErrorResponse::new(415, "Unsupported Media Type");
                return Ok(Called::Response(error.render(style.format, &style.request_id)));
            }
        }
        call.body = match route.body {
            BodyKind::Unused => None,
            BodyKind::Json => json::parse(body)?,
            BodyKind::Form => Some(form::parse(body)?),
        };
        // Who may open the local socket needs no token, and no limit holds them up.
        let is_operator = call.caller == Caller::Operator;
        if route.access != Access::Public && !is_operator {
            call.caller = authenticate(&call)?;
        }
        if let Some(limit) = route.limit.filter(|_| !is_operator) {
            call.service().limits().spend(limit, &call.caller, call.cx)?;
        }
        route.check_rights(&call.caller)?;
        match route.handler {
            Handler::Now(respond) => respond(&call).map(Called::Response),
            Handler::Later(begin) => begin(&call).map(Called::Pending),
        }
    }

    /// Ends a request that had a route: renders its error, if it has one, and counts it.
    fn conclude(
        &self,
        endpoint: usize,
        result: Result<Response>,
        cx: &Context,
        style: ResponseStyle,
        started: Instant,
    ) -> Response {
        self.backend.service.limits().refund_unless_served(&result, cx);
        let response = result.unwrap_or_else(|why| {
            ErrorResponse::from(&why).render(style.format, &style.request_id)
        });
        self.meters.count(endpoint, response.status, started.elapsed());
        self.finish(with_limit_headers(response, cx.limit_state()), style)
    }

    /// Adds what every response to a readable head has.
    fn finish(&self, response: Response, style: ResponseStyle) -> Response {
        let mut response = self.cors.decorate(response, style.grant);
        if !response.headers.iter().any(|(name, _)| *name == "Cache-Control") {
            response = response.header("Cache-Control", "no-store");
        }
        response.header("X-Request-Id", style.request_id)
    }
}

/// What a handler comes to.
enum Called {
    Response(Response),
    Pending(Box<dyn Pending>),
}

/// The response to an operation that has begun.
struct PendingResponse {
    shared: Arc<Shared>,
    endpoint: usize,
    pending: Box<dyn Pending>,
    cx: Context,
    style: ResponseStyle,
    started: Instant,
}

impl Deferred for PendingResponse {
    fn is_ready(&self) -> bool {
        self.pending.is_ready()
    }

    fn finish(self: Box<Self>) -> Response {
        let PendingResponse { shared, endpoint, pending, cx, style, started } = *self;
        let result = pending.finish(&shared.backend.service, &cx);
        shared.conclude(endpoint, result, &cx, style, started)
    }

    fn deadline(&self) -> Option<Instant> {
        self.pending.deadline()
    }

    fn ends_with_client(&self) -> bool {
        self.pending.ends_with_client()
    }
}

/// Whether a body of that media type is what the route reads.
fn is_of(kind: BodyKind, content_type: &str) -> bool {
    match kind {
        BodyKind::Unused => true,
        BodyKind::Json => json::is_json(content_type),
        BodyKind::Form => form::is_form(content_type),
    }
}

fn authenticate(call: &Call<'_>) -> Result<Caller> {
    let missing = Error::Unauthenticated(Unauthenticated::Missing);
    call.service().authenticate(bearer(call.head).ok_or(missing)?)
}

fn unrouted(missed: Found<'_>, target: &str, style: &ResponseStyle) -> Response {
    let error = match missed {
        Found::OtherSlash => {
            return Response::new(307).header("Location", routing::to_other_slash(target));
        }
        Found::WrongMethod(allowed) => {
            ErrorResponse::new(405, "Method Not Allowed").header("Allow", allowed)
        }
        Found::Nothing | Found::Route { .. } => ErrorResponse::new(404, "Not Found"),
    };
    error.render(style.format, &style.request_id)
}

/// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
fn with_limit_headers(response: Response, state: Option<LimitState>) -> Response {
    let Some(LimitState { limit, rate, bucket }) = state else { return response };
    let (name, window) = (limit.as_str(), rate.window.as_secs());
    let reset = errors::whole_secs(bucket.next_token);
    response
        .header("RateLimit-Policy", format!("\"{name}\";q={};w={window}", rate.requests))
        .header("RateLimit", format!("\"{name}\";r={};t={reset}", bucket.remaining))
}
