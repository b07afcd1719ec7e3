//! The head of a request that the front door has let in.

use std::ops::Range;

use super::framing::BodyLength;

/// The fields that the service reads; no others are kept.
const KEPT: [&str; 11] = [
    "Accept",
    "Accept-Encoding",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Origin",
    "X-Forwarded-For",
    "X-Request-Id",
];

/// Most bytes by which a canonical request, without its body, is longer than the head that
/// it was made of: a `Content-Length` in place of another length or coding.
pub const MAX_GROWTH_BYTES: usize = 64;

/// A checked head. It goes to the service beside the request, not through the library,
/// which reads a line byte by byte: a token alone would cost it more than all the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Method, target and the fields' values, one behind the other, in printable ASCII.
    text: String,
    method_end: usize,
    target_end: usize,
    /// Each name once, and where its value lies in `text`.
    fields: Vec<(&'static str, Range<usize>)>,
}

impl Head {
    /// Forgets what it held and begins another.
    pub(super) fn begin(&mut self, method: &str, target: &str) {
        self.text.clear();
        self.fields.clear();
        self.text.push_str(method);
        self.method_end = self.text.len();
        self.text.push_str(target);
        self.target_end = self.text.len();
    }

    /// Keeps a field if the service reads it and it is not there yet. Its lines become one
    /// in their order (RFC 9110 5.3), and what is not printable ASCII a question mark.
    pub(super) fn keep<'v>(&mut self, name: &str, lines: impl Iterator<Item = &'v [u8]>) {
        let Some(name) = KEPT.into_iter().find(|kept| kept.eq_ignore_ascii_case(name)) else {
            return;
        };
        if self.field(name).is_some() {
            return;
        }
        let start = self.text.len();
        for (index, line) in lines.enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            push_printable(&mut self.text, line);
        }
        self.fields.push((name, start..self.text.len()));
    }

    pub fn method(&self) -> &str {
        &self.text[..self.method_end]
    }

    /// In origin form (`/path?query`), or `*` for OPTIONS.
    pub fn target(&self) -> &str {
        &self.text[self.method_end..self.target_end]
    }

    /// A field's value, by its name as registered: `Content-Type`. Only what [`KEPT`] lists
    /// is ever there.
    pub fn field(&self, name: &str) -> Option<&str> {
        debug_assert!(KEPT.contains(&name), "{name} is not kept");
        let found = self.fields.iter().find(|(present, _)| *present == name);
        found.map(|(_, range)| &self.text[range.clone()])
    }

    /// Writes the request for the library over `canonical`: HTTP/1.1, its first line, its
    /// body and the body's length.
    pub fn write_canonical(&self, length: BodyLength, body: &[u8], canonical: &mut Vec<u8>) {
        canonical.clear();
        let mut put = |text: &str| canonical.extend_from_slice(text.as_bytes());
        for part in [self.method(), " ", self.target(), " HTTP/1.1\r\n"] {
            put(part);
        }
        if length != BodyLength::None {
            for part in ["Content-Length: ", &body.len().to_string(), "\r\n"] {
                put(part);
            }
        }
        put("\r\n");
        canonical.extend_from_slice(body);
    }

    /// What it holds on to, in bytes.
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<(&str, Range<usize>)>()
    }
}

fn push_printable(text: &mut String, bytes: &[u8]) {
    text.extend(bytes.iter().map(|byte| match *byte {
        b'\t' => ' ',
        0x20..0x7f => char::from(*byte),
        _ => '?',
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, target: &str) -> Head {
        let mut head = Head::default();
        head.begin(method, target);
        head
    }

    #[test]
    fn a_canonical_request_is_its_first_line_and_its_body() {
        let mut head = head("POST", "/x?y");
        head.keep("authorization", [b"Bearer z".as_slice()].into_iter());
        let mut canonical = b"left over".to_vec();
        head.write_canonical(BodyLength::Chunked, b"hi", &mut canonical);
        assert_eq!(canonical, b"POST /x?y HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
        head.write_canonical(BodyLength::None, b"", &mut canonical);
        assert_eq!(canonical, b"POST /x?y HTTP/1.1\r\n\r\n");
        assert_eq!((head.method(), head.target()), ("POST", "/x?y"));
        assert_eq!(head.field("Authorization"), Some("Bearer z"));
    }

    #[test]
    fn the_next_head_has_nothing_of_the_last() {
        let mut head = head("POST", "/x");
        head.keep("Accept", [b"a".as_slice()].into_iter());
        head.begin("GET", "/");
        assert_eq!((head.method(), head.target(), head.field("Accept")), ("GET", "/", None));
    }
}
