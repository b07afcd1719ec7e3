//! One attempt: a request to a receiver, and what came of it.

use std::fmt;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as UreqResolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Agent, Body, Error};

use crate::clock::Timestamp;
use crate::domain::webhook::{Host, MAX_ANSWER_BYTES, Networks, WebhookUrl};
use crate::sys::stop::Stop;

use super::resolver::{Lookup, Resolver, Unresolved};
use super::retry_after;
use super::schedule::Reached;
use super::trust::Trust;
use super::wire::{BUFFER_BYTES, Wire};

/// All of an attempt: names, connection, encryption, request and answer.
pub const ATTEMPT: Duration = Duration::from_secs(15);
/// A connection is kept for the next event for less than most servers keep one.
const MAX_IDLE: Duration = Duration::from_secs(3);
/// Most addresses of a name that are tried.
const MAX_TRIED: usize = 8;
const USER_AGENT: &str = concat!("orderd/", env!("CARGO_PKG_VERSION"));

/// What a receiver is sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The same at every attempt.
    pub id: String,
    pub at: Timestamp,
    pub signature: String,
    pub body: Vec<u8>,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    pub status: Option<u16>,
    pub elapsed: Duration,
    /// `None` after a success.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub answer: Option<String>,
    pub retry_after: Option<Duration>,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx.
    Delivered,
    /// Any other answer.
    Refused,
    /// 410: the receiver wants no more.
    Gone,
    /// A connection, and no whole answer in time.
    TimedOut,
    /// No answer: the name, the connection or its encryption failed.
    Failed,
    /// Stopped; it counts as not made.
    Cut,
}

/// What all deliveries share.
#[derive(Clone)]
pub struct Outgoing {
    pub networks: Networks,
    pub resolver: Resolver,
    pub trust: Trust,
    /// [`ATTEMPT`], but in tests.
    pub limit: Duration,
}

/// Delivers to one URL, one attempt at a time, and keeps its connection for a moment.
pub struct Client {
    url: WebhookUrl,
    agent: Agent,
    stop: Stop,
    limit: Duration,
    is_connected: Arc<AtomicBool>,
}

impl Outcome {
    /// For metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Refused => "refused",
            Outcome::Gone => "gone",
            Outcome::TimedOut => "timed_out",
            Outcome::Failed => "failed",
            Outcome::Cut => "cut",
        }
    }

    pub fn reached(self) -> Reached {
        match self {
            Outcome::Failed | Outcome::Cut => Reached::Nobody,
            _ => Reached::Receiver,
        }
    }
}

impl Client {
    pub fn new(outgoing: &Outgoing, url: &WebhookUrl, stop: &Stop) -> Client {
        let is_connected = Arc::new(AtomicBool::new(false));
        let wire = Wire {
            url: url.clone(),
            trust: outgoing.trust.clone(),
            stop: stop.clone(),
            is_connected: Arc::clone(&is_connected),
        };
        let checked = Checked {
            url: url.clone(),
            networks: outgoing.networks.clone(),
            resolver: outgoing.resolver.clone(),
            stop: stop.clone(),
        };
        let agent = Agent::with_parts(settings(outgoing.limit), wire, checked);
        let (url, stop, limit) = (url.clone(), stop.clone(), outgoing.limit);
        Client { url, agent, stop, limit, is_connected }
    }

    pub fn url(&self) -> &WebhookUrl {
        &self.url
    }

    pub fn deliver(&self, delivery: Delivery) -> Attempted {
        let started = Instant::now();
        self.is_connected.store(false, Ordering::Relaxed);
        let at = delivery.at;
        let request = self
            .agent
            .post(self.url.to_canonical())
            .header("Content-Type", "application/json")
            .header("webhook-id", delivery.id)
            .header("webhook-timestamp", at.as_secs().to_string())
            .header("webhook-signature", delivery.signature);
        let mut attempted = match request.send(delivery.body) {
            Ok(response) => answered(response, at),
            Err(why) => self.failed(why),
        };
        if attempted.status.is_none() && self.stop.is_set() {
            attempted.outcome = Outcome::Cut;
        }
        Attempted { elapsed: started.elapsed(), ..attempted }
    }

    fn failed(&self, why: Error) -> Attempted {
        let is_connected = self.is_connected.load(Ordering::Relaxed);
        let (outcome, error) = match why {
            Error::Timeout(_) if is_connected => {
                (Outcome::TimedOut, format!("no answer within {} s", self.limit.as_secs_f64()))
            }
            Error::Timeout(_) => (Outcome::Failed, "the connection took too long".to_owned()),
            Error::Io(why) => (Outcome::Failed, why.to_string()),
            Error::Other(why) => (Outcome::Failed, why.to_string()),
            other => (Outcome::Failed, other.to_string()),
        };
        let (status, answer, retry_after) = (None, None, None);
        let elapsed = Duration::ZERO;
        Attempted { status, elapsed, error: Some(error), answer, retry_after, outcome }
    }
}

fn settings(limit: Duration) -> Config {
    Agent::config_builder()
        // From the environment by default, and a proxy looks names up for itself.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(limit))
        .user_agent(USER_AGENT)
        .accept("")
        .accept_encoding("")
        .max_response_header_size(BUFFER_BYTES)
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .max_idle_age(MAX_IDLE)
        .build()
}

fn answered(response: Response<Body>, at: Timestamp) -> Attempted {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let (outcome, error) = match status {
        200..=299 => (Outcome::Delivered, None),
        410 => (Outcome::Gone, Some("it answered 410: it wants no more".to_owned())),
        300..=399 => (Outcome::Refused, Some(format!("it answered {status}, a redirect"))),
        _ => (Outcome::Refused, Some(format!("it answered {status}"))),
    };
    let retry_after = head.headers.get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| retry_after::parse(value, at));
    let (answer, elapsed) = (Some(beginning_of(body)), Duration::ZERO);
    Attempted { status: Some(status), elapsed, error, answer, retry_after, outcome }
}

/// What came of the body before it ended, broke off or took too long. One byte more than is kept
/// is asked for: only a body that was read to its end leaves its connection to the next event.
fn beginning_of(body: Body) -> String {
    let mut bytes = Vec::with_capacity(MAX_ANSWER_BYTES + 1);
    let _ = body.into_reader().take(MAX_ANSWER_BYTES as u64 + 1).read_to_end(&mut bytes);
    bytes.truncate(MAX_ANSWER_BYTES);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.truncate(text.floor_char_boundary(MAX_ANSWER_BYTES));
    text
}

/// Gives the library the addresses that may be reached, and no others.
struct Checked {
    url: WebhookUrl,
    networks: Networks,
    resolver: Resolver,
    stop: Stop,
}

impl UreqResolver for Checked {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let until = Instant::now() + (*timeout.after).min(ATTEMPT);
        let lookup = look_up(&self.resolver, &self.url);
        let found =
            lookup.wait(until, &self.stop).map_err(|why| other(unresolved(&self.url, &why)))?;
        let reachable = self.networks.reachable(&self.url, &found).map_err(other)?;
        let mut addresses = self.empty();
        for address in reachable.into_iter().take(MAX_TRIED) {
            addresses.push(SocketAddr::new(address, self.url.port()));
        }
        Ok(addresses)
    }
}

/// The addresses of the URL's host.
pub(super) fn look_up(resolver: &Resolver, url: &WebhookUrl) -> Lookup {
    match url.host() {
        Host::Address(address) => Lookup::known(vec![*address]),
        Host::Name(name) => resolver.begin(name),
    }
}

/// Why the URL's host has no addresses now.
pub fn unresolved(url: &WebhookUrl, why: &Unresolved) -> String {
    let host = url.host();
    match why {
        Unresolved::Failed(why) => format!("{host} can't be looked up: {why}"),
        Unresolved::Late => format!("{host} can't be looked up: the look-up takes too long"),
        Unresolved::Stopped => "stopped".to_owned(),
    }
}

/// An error of our own on its way through the library.
#[derive(Debug)]
struct Told(String);

fn other(why: String) -> Error {
    Error::Other(Box::new(Told(why)))
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Told {}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked").finish_non_exhaustive()
    }
}
