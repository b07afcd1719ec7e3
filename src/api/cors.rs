//! Cross-origin requests: which pages of other origins may call, and read the answers.

use super::routing::decode_path;
use crate::config::AllowedOrigins;
use crate::http::{Field, Head, Response};

const METHODS: &str = "GET, HEAD, POST";
const EXPOSED: &str =
    "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Link, Idempotent-Replayed, ETag";
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: &str = "600";
/// A longer list of headers is refused, in bytes.
const MAX_REQUESTED_HEADERS: usize = 1024;
/// What other origins never get at, whatever is allowed.
const NEVER: &str = "/admin/";

/// The origins that are allowed, and what follows from them.
pub struct Cors {
    allowed: AllowedOrigins,
}

/// What a page may do with an answer.
#[derive(Debug)]
pub enum Grant {
    Nothing,
    ReadByAny,
    /// One of the configured origins, to the letter.
    ReadBy(String),
}

impl Cors {
    pub fn new(allowed: AllowedOrigins) -> Cors {
        Cors { allowed }
    }

    /// The answer to a preflight; none to any other request.
    pub fn preflight(&self, head: &Head) -> Option<Response> {
        let origin = head.field(Field::Origin)?;
        let method = head.field(Field::AccessControlRequestMethod)?;
        if head.method() != "OPTIONS" || is_out_of_reach(head.target()) {
            return None;
        }
        let headers = head.field(Field::AccessControlRequestHeaders).unwrap_or_default();
        if !self.allows(origin) {
            return Some(plain(400, "Disallowed CORS origin"));
        }
        if !METHODS.split(", ").any(|known| known == method) {
            return Some(plain(400, "Disallowed CORS method"));
        }
        if !is_name_list(headers) {
            return Some(plain(400, "Disallowed CORS headers"));
        }
        let mut response = plain(200, "OK")
            .header("Access-Control-Allow-Methods", METHODS)
            .header("Access-Control-Max-Age", MAX_AGE);
        if !headers.is_empty() {
            response = response.header("Access-Control-Allow-Headers", headers.to_owned());
        }
        Some(response)
    }

    /// What the page that asks may do with the answer.
    pub fn grant(&self, head: &Head) -> Grant {
        let Some(origin) = head.field(Field::Origin) else { return Grant::Nothing };
        if is_out_of_reach(head.target()) || !self.allows(origin) {
            return Grant::Nothing;
        }
        match self.allowed {
            AllowedOrigins::Any => Grant::ReadByAny,
            AllowedOrigins::These(_) => Grant::ReadBy(origin.to_owned()),
        }
    }

    /// Adds what lets the page read the answer, where its origin may.
    pub fn decorate(&self, response: Response, grant: Grant) -> Response {
        match grant {
            Grant::Nothing => self.vary(response),
            Grant::ReadByAny => response
                .header("Access-Control-Expose-Headers", EXPOSED)
                .header("Access-Control-Allow-Origin", "*"),
            Grant::ReadBy(origin) => self
                .vary(response.header("Access-Control-Expose-Headers", EXPOSED))
                .header("Access-Control-Allow-Origin", origin)
                .header("Access-Control-Allow-Credentials", "true"),
        }
    }

    /// Where the answer depends on the origin, caches are told so.
    fn vary(&self, response: Response) -> Response {
        match &self.allowed {
            AllowedOrigins::These(origins) if !origins.is_empty() => {
                response.header("Vary", "Origin")
            }
            _ => response,
        }
    }

    fn allows(&self, origin: &str) -> bool {
        match &self.allowed {
            AllowedOrigins::Any => true,
            AllowedOrigins::These(origins) => origins.iter().any(|allowed| allowed == origin),
        }
    }
}

/// Asked of the path that routes are matched against: `/%61dmin/` leads there too.
fn is_out_of_reach(target: &str) -> bool {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    decode_path(path).starts_with(NEVER)
}

fn plain(status: u16, text: &'static str) -> Response {
    Response::new(status).header("Content-Type", "text/plain; charset=utf-8").bytes(text.as_bytes())
}

/// Header names separated by commas, and so safe to send back.
fn is_name_list(text: &str) -> bool {
    text.len() <= MAX_REQUESTED_HEADERS
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_, ".contains(&b))
}
