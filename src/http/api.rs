//! From a complete request to its answer: route, body, token, limit, role, handler.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ipnet::IpNet;

use super::answer::{Answer, Errand, Pending};
use super::call::{self, Call, Payload};
use super::cors::{Cors, Grant};
use super::endpoint::Endpoints;
use super::reply::Reply;
use super::routes::{self, Access, BodyKind, Found, Handler, ROUTES, Render, Route};
use super::target::decode_path;
use super::turnstile::Turnstile;
use super::{Head, Peer, Refusal, errors, problem};
use crate::config::Config;
use crate::error::{Error, Result, Unauthenticated};
use crate::metrics::Metrics;
use crate::service::{Caller, Context, LimitState, Placing, Service};
use crate::store::SettledCall;

/// The route table, and what it stands on.
pub struct Api {
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    endpoints: Endpoints,
    cors: Cors,
    trusted_proxies: Vec<IpNet>,
    request_ids: RequestIds,
    large_bodies: Turnstile,
}

impl Api {
    pub fn new(config: &Config, service: Arc<Service>, metrics: Arc<Metrics>) -> Result<Api> {
        Ok(Api {
            endpoints: Endpoints::new(&metrics),
            cors: Cors::new(config.allowed_origins()),
            trusted_proxies: config.trusted_proxies.0.clone(),
            request_ids: RequestIds::new()?,
            large_bodies: Turnstile::default(),
            service,
            metrics,
        })
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// From the route to what its handler comes to.
    fn respond(&self, head: &Head, request: &mut tiny_http::Request, cx: &Context) -> Outcome {
        if let Some(reply) = self.cors.preflight(head) {
            return Outcome::Unmatched(reply);
        }
        let body = match read_body(request) {
            Ok(body) => body,
            Err(why) => return Outcome::Unmatched(errors::reply(&why)),
        };
        let (path, query) = split_target(head.target());
        let path = decode_path(path);
        match routes::find(head.method(), &path) {
            Found::Route { index, parameter } => {
                let call = Call {
                    api: self,
                    cx,
                    caller: Caller::Anonymous,
                    head,
                    parameter,
                    query,
                    body: Payload::Absent,
                };
                let route = &ROUTES[index];
                let begun = enter(route, call, &body).unwrap_or_else(|why| {
                    let name = format_args!("{} {}", route.method.as_str(), route.pattern);
                    cx.log_refusal(name, &why);
                    Begun::Answered(errors::reply(&why))
                });
                Outcome::Routed(index, begun)
            }
            missed => Outcome::Unmatched(turned_away(missed, head.target())),
        }
    }

    /// The peer, or whom a trusted proxy says it speaks for: the rightmost address in
    /// `X-Forwarded-For` that is not itself a trusted proxy.
    fn client(&self, head: &Head, peer: &Peer) -> IpAddr {
        let trusted = |address: &IpAddr| {
            self.trusted_proxies.iter().any(|net| net.contains(&address.to_canonical()))
        };
        let peer = peer.address.ip().to_canonical();
        if !trusted(&peer) {
            return peer;
        }
        let forwarded = head.field("X-Forwarded-For").unwrap_or_default();
        let mut nearest = peer;
        for hop in forwarded.rsplit(',') {
            let Some(address) = hop_address(hop.trim()) else { break };
            nearest = address.to_canonical();
            if !trusted(&nearest) {
                break;
            }
        }
        nearest
    }

    /// What every answer to a readable head has, in the way that the head asks for.
    fn dress(&self, reply: Reply, head: &Head, request_id: String) -> Reply {
        self.dress_for(reply, wants_problem(head), self.cors.grant(head), request_id)
    }

    fn dress_for(
        &self,
        reply: Reply,
        wants_problem: bool,
        grant: Grant,
        request_id: String,
    ) -> Reply {
        let reply = match wants_problem {
            true => problem::of(reply, &request_id),
            false => reply,
        };
        let reply = self.cors.decorate(reply, grant);
        with_default(reply, "Cache-Control", "no-store").header("X-Request-Id", request_id)
    }

    /// What the answer to a complete request has beside.
    fn finish(&self, reply: Reply, errand: Errand) -> Reply {
        let Errand { cx, wants_problem, grant, .. } = errand;
        let reply = with_limit_headers(reply, cx.limit_state());
        self.dress_for(reply, wants_problem, grant, cx.request_id)
    }

    fn request_id(&self, head: &Head) -> String {
        match head.field("X-Request-Id") {
            Some(given) if is_request_id(given) => given.to_owned(),
            _ => self.request_ids.next(),
        }
    }
}

impl super::Service for Api {
    fn turn_away(&self, head: &Head) -> Option<Reply> {
        if head.method() == "OPTIONS" {
            return None;
        }
        let (path, _) = split_target(head.target());
        let reply = match routes::find(head.method(), &decode_path(path)) {
            Found::Route { .. } => return None,
            missed => turned_away(missed, head.target()),
        };
        self.endpoints.count_unmatched(head.method(), reply.status);
        Some(self.dress(reply, head, self.request_id(head)))
    }

    fn answer(&self, head: &Head, request: &mut tiny_http::Request, peer: &Peer) -> Answer {
        let started = Instant::now();
        let cx = Context::new(self.request_id(head), self.client(head, peer));
        let turn = self.large_bodies.pass(request.body_length().unwrap_or(0));
        let outcome = match &turn {
            Ok(_) => self.respond(head, request, &cx),
            Err(why) => Outcome::Unmatched(errors::reply(why)),
        };
        let (wants_problem, grant) = (wants_problem(head), self.cors.grant(head));
        let errand = Errand { cx, started, wants_problem, grant };
        let reply = match outcome {
            Outcome::Routed(endpoint, Begun::Placing(placing, render)) => {
                return Answer::Later(Box::new(Pending { placing, render, errand, endpoint }));
            }
            Outcome::Routed(endpoint, Begun::Answered(reply)) => {
                self.endpoints.count(endpoint, reply.status, started.elapsed());
                reply
            }
            Outcome::Unmatched(reply) => {
                self.endpoints.count_unmatched(head.method(), reply.status);
                reply
            }
        };
        Answer::Now(self.finish(reply, errand))
    }

    fn complete(&self, pending: Pending) -> Reply {
        let Pending { placing, render, errand, endpoint } = pending;
        let placed = self.service.placed(&errand.cx, placing);
        let reply = placed.as_ref().map_or_else(errors::reply, render);
        self.endpoints.count(endpoint, reply.status, errand.started.elapsed());
        self.finish(reply, errand)
    }

    fn call_when_settled(&self, call: SettledCall) {
        self.service.call_when_placed(call);
    }

    fn refuse(&self, refusal: Refusal, head: Option<&Head>, peer: &Peer) -> Reply {
        log::debug!("refused {} from {}", refusal.reason(), peer.address);
        self.endpoints.count_refused(refusal.status());
        let reply = match refusal.status() {
            503 => errors::reply(&Error::busy(refusal.reason())),
            status => Reply::detail(status, refusal.text()),
        };
        match head {
            Some(head) => self.dress(reply, head, self.request_id(head)),
            None => reply.header("X-Request-Id", self.request_ids.next()),
        }
    }
}

/// What a request comes to.
enum Outcome {
    /// For the endpoint at this index of the route table.
    Routed(usize, Begun),
    Unmatched(Reply),
}

/// What a handler comes to.
enum Begun {
    Answered(Reply),
    Placing(Placing, Render),
}

/// The checks ahead of a handler, in the order that the wire contract gives; and the handler.
fn enter(route: &Route, mut call: Call<'_>, body: &[u8]) -> Result<Begun> {
    if route.body == BodyKind::Json && !body.is_empty() {
        let content_type = call.header("Content-Type");
        if content_type.is_some_and(|given| !call::is_json(given)) {
            return Ok(Begun::Answered(Reply::detail(415, "Unsupported Media Type")));
        }
    }
    call.body = call::parse(route.body, body)?;
    if route.access != Access::Public {
        call.caller = authenticate(&call)?;
    }
    if let Some(limit) = route.limit {
        call.service().limits().spend(limit, &call.caller, call.cx)?;
    }
    if route.access == Access::Admin {
        call.caller.require_admin()?;
    }
    match route.handler {
        Handler::Now(answer) => answer(&call).map(Begun::Answered),
        Handler::Later(begin, render) => begin(&call).map(|it| Begun::Placing(it, render)),
    }
}

fn wants_problem(head: &Head) -> bool {
    head.field("Accept").is_some_and(problem::is_wanted)
}

fn authenticate(call: &Call<'_>) -> Result<Caller> {
    let missing = Error::Unauthenticated(Unauthenticated::Missing);
    let Some((scheme, token)) = call.header("Authorization").and_then(|it| it.split_once(' '))
    else {
        return Err(missing);
    };
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(missing);
    }
    call.service().authenticate(token)
}

fn turned_away(missed: Found<'_>, target: &str) -> Reply {
    match missed {
        Found::WrongMethod(allowed) => {
            Reply::detail(405, "Method Not Allowed").header("Allow", allowed)
        }
        Found::OtherSlash(_) => Reply::new(307).header("Location", other_slash(target)),
        Found::Nothing | Found::Route { .. } => Reply::detail(404, "Not Found"),
    }
}

/// The target as it came, with its path's last slash added or taken away. It has matched
/// a route but for that slash, so it can't begin with `//` and lead to another host.
fn other_slash(target: &str) -> String {
    let (path, query) = split_target(target);
    let path = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
    match target.contains('?') {
        true => format!("{path}?{query}"),
        false => path,
    }
}

/// Some proxies write the client's port behind its address.
fn hop_address(hop: &str) -> Option<IpAddr> {
    hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|it| it.ip())).ok()
}

fn split_target(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// The front door has read the body whole and kept its limit.
fn read_body(request: &mut tiny_http::Request) -> Result<Vec<u8>> {
    let Some(length) = request.body_length().filter(|length| *length > 0) else {
        return Ok(Vec::new());
    };
    let mut body = Vec::with_capacity(length);
    request.as_reader().read_to_end(&mut body).map_err(Error::internal)?;
    Ok(body)
}

/// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
fn with_limit_headers(reply: Reply, state: Option<LimitState>) -> Reply {
    let Some(LimitState { limit, rate, bucket }) = state else { return reply };
    let (name, window) = (limit.as_str(), rate.window.as_secs());
    let reset = errors::whole_secs(bucket.next_token);
    reply
        .header("RateLimit-Policy", format!("\"{name}\";q={};w={window}", rate.requests))
        .header("RateLimit", format!("\"{name}\";r={};t={reset}", bucket.remaining))
}

fn with_default(reply: Reply, name: &'static str, value: &'static str) -> Reply {
    match reply.headers.iter().any(|(present, _)| *present == name) {
        true => reply,
        false => reply.header(name, Cow::Borrowed(value)),
    }
}

/// 1 to 64 of `[A-Za-z0-9._-]`: safe in a header and in a log.
fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Ids that don't repeat: a random start and a number that rises.
struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    fn new() -> Result<RequestIds> {
        let prefix = crate::auth::random_hex::<4>().map_err(Error::internal)?;
        Ok(RequestIds { prefix, next: AtomicU64::new(1) })
    }

    fn next(&self) -> String {
        format!("{}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
