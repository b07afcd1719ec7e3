//! The framing of RFC 9112, checked on a head that is whole.
//!
//! What could be read in two ways is rejected, never repaired: a proxy in front may have read
//! it the other way.

use httparse::{Header, Request};

use super::target;
use crate::http::head::Head;
use crate::http::rejection::Rejection;

/// Most header lines that a head may have.
pub const MAX_LINES: usize = 100;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    None,
    /// `Content-Length`; one beyond `u64` counts as `u64::MAX`.
    Exactly(u64),
    Chunked,
}

/// What becomes of the connection after the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Keep,
    /// An HTTP/1.0 client asked for it, and the response must confirm it.
    KeepAndSay,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    None,
    /// The client waits for `100 Continue` before it sends the body.
    Continue,
    /// One that nobody can meet.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
}

/// What the transport needs to know of a well-formed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestFraming {
    pub version: Version,
    pub persistence: Persistence,
    pub expectation: Expectation,
    pub body: BodyLength,
    /// The response goes without its body.
    pub head_only: bool,
}

/// Judges a head that a scanner found whole, and writes what goes in over `head`.
pub fn check(bytes: &[u8], head: &mut Head) -> Result<RequestFraming, Rejection> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_LINES];
    let mut request = Request::new(&mut headers);
    let status = request.parse(bytes).map_err(|error| match error {
        httparse::Error::TooManyHeaders => Rejection::HeadTooLarge,
        _ => Rejection::Malformed,
    })?;
    if status != httparse::Status::Complete(bytes.len()) {
        return Err(Rejection::Malformed);
    }
    let method = request.method.unwrap_or_default();
    let target = target::parse(method, request.path.unwrap_or_default())?;
    let version = if request.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let fields = Fields(request.headers);
    fields.check_single()?;
    fields.check_host(version)?;
    let framing = RequestFraming {
        version,
        persistence: fields.persistence(version),
        expectation: fields.expectation(version),
        body: fields.body_length(version)?,
        head_only: method == "HEAD",
    };
    head.begin(method, target);
    fields.write(head);
    Ok(framing)
}

/// Headers that decide who may do what, or where a request ends: a second one is rejected.
const SINGLE: [&str; 6] = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Authorization",
    "Idempotency-Key",
    "Content-Type",
];

/// Of these, bytes beyond printable ASCII are rejected: the library takes no others, and
/// two different keys must never look the same.
const EXACT: [&str; 2] = ["Authorization", "Idempotency-Key"];

/// A character of a method or a header's name (RFC 9110 5.6.2).
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

struct Fields<'h, 'b>(&'h [Header<'b>]);

impl<'h, 'b: 'h> Fields<'h, 'b> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        self.0.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
    }

    fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.all(name).next()
    }

    fn check_single(&self) -> Result<(), Rejection> {
        if SINGLE.iter().any(|name| self.all(name).nth(1).is_some()) {
            return Err(Rejection::Malformed);
        }
        let exact = EXACT.iter().filter_map(|name| self.get(name));
        if exact.flatten().any(|byte| !is_printable(*byte)) {
            return Err(Rejection::Malformed);
        }
        Ok(())
    }

    /// RFC 9112 3.2: HTTP/1.1 needs a host, and a broken one is rejected.
    fn check_host(&self, version: Version) -> Result<(), Rejection> {
        match self.get("Host") {
            None if version == Version::Http11 => Err(Rejection::Malformed),
            None => Ok(()),
            Some(host) => target::check_authority(trim(host)),
        }
    }

    /// RFC 9112 6.3, without its leniencies.
    fn body_length(&self, version: Version) -> Result<BodyLength, Rejection> {
        match (self.get("Transfer-Encoding"), self.get("Content-Length")) {
            (None, None) => Ok(BodyLength::None),
            (None, Some(length)) => parse_length(trim(length)).map(BodyLength::Exactly),
            (Some(_), Some(_)) => Err(Rejection::Malformed),
            (Some(_), None) if version == Version::Http10 => Err(Rejection::Malformed),
            (Some(codings), None) => check_codings(codings),
        }
    }

    fn persistence(&self, version: Version) -> Persistence {
        match version {
            _ if self.has_option("close") => Persistence::Close,
            Version::Http11 => Persistence::Keep,
            Version::Http10 if self.has_option("keep-alive") => Persistence::KeepAndSay,
            Version::Http10 => Persistence::Close,
        }
    }

    fn has_option(&self, option: &str) -> bool {
        let options = self.all("Connection").flat_map(|value| value.split(|byte| *byte == b','));
        options.map(trim).any(|found| found.eq_ignore_ascii_case(option.as_bytes()))
    }

    /// RFC 9110 10.1.1: an HTTP/1.0 client can't expect anything.
    fn expectation(&self, version: Version) -> Expectation {
        let mut values = self.all("Expect").map(trim);
        match (values.next(), values.next()) {
            (None, _) => Expectation::None,
            _ if version == Version::Http10 => Expectation::None,
            (Some(one), None) if one.eq_ignore_ascii_case(b"100-continue") => Expectation::Continue,
            _ => Expectation::Unknown,
        }
    }

    /// The library would show only the first of several lines, and a proxy's entry in
    /// `X-Forwarded-For` is the last.
    fn write(&self, head: &mut Head) {
        for (index, field) in self.0.iter().enumerate() {
            let repeats = |other: &&Header<'_>| other.name.eq_ignore_ascii_case(field.name);
            let lines = self.0[index..].iter().filter(repeats).map(|other| trim(other.value));
            head.keep(field.name, lines);
        }
    }
}

fn is_printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

/// Without the blanks and tabs around it (RFC 9110 5.6.3).
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| *byte != b' ' && *byte != b'\t';
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |last| last + 1);
    &value[start..end]
}

/// Digits only: no sign, no list, no blank.
fn parse_length(digits: &[u8]) -> Result<u64, Rejection> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Rejection::Malformed);
    }
    Ok(digits.iter().fold(0u64, |length, digit| {
        length.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    }))
}

/// `chunked` alone is implemented. Under another coding it must still come last, and once.
fn check_codings(value: &[u8]) -> Result<BodyLength, Rejection> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let codings: Vec<&[u8]> = value.split(|byte| *byte == b',').map(trim).collect();
    if codings.iter().any(|coding| coding.is_empty() || !coding.iter().all(|b| is_token_byte(*b))) {
        return Err(Rejection::Malformed);
    }
    match codings.iter().position(|coding| is_chunked(coding)) {
        Some(0) if codings.len() == 1 => Ok(BodyLength::Chunked),
        Some(first) if first + 1 < codings.len() => Err(Rejection::Malformed),
        _ => Err(Rejection::NotImplemented),
    }
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
