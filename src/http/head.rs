//! The head of a request whose framing was checked.

use std::ops::Range;

/// The header fields that a handler can read; no others are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Accept,
    AcceptEncoding,
    AccessControlRequestHeaders,
    AccessControlRequestMethod,
    Authorization,
    ContentType,
    IdempotencyKey,
    IfMatch,
    IfNoneMatch,
    Origin,
    XForwardedFor,
    XRequestId,
}

impl Field {
    /// Every one, in the order of their discriminants.
    pub const ALL: [Field; 12] = [
        Field::Accept,
        Field::AcceptEncoding,
        Field::AccessControlRequestHeaders,
        Field::AccessControlRequestMethod,
        Field::Authorization,
        Field::ContentType,
        Field::IdempotencyKey,
        Field::IfMatch,
        Field::IfNoneMatch,
        Field::Origin,
        Field::XForwardedFor,
        Field::XRequestId,
    ];

    /// Its name as registered.
    pub fn name(self) -> &'static str {
        match self {
            Field::Accept => "Accept",
            Field::AcceptEncoding => "Accept-Encoding",
            Field::AccessControlRequestHeaders => "Access-Control-Request-Headers",
            Field::AccessControlRequestMethod => "Access-Control-Request-Method",
            Field::Authorization => "Authorization",
            Field::ContentType => "Content-Type",
            Field::IdempotencyKey => "Idempotency-Key",
            Field::IfMatch => "If-Match",
            Field::IfNoneMatch => "If-None-Match",
            Field::Origin => "Origin",
            Field::XForwardedFor => "X-Forwarded-For",
            Field::XRequestId => "X-Request-Id",
        }
    }

    /// Field names have no case (RFC 9110 5.1).
    pub fn by_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name))
    }
}

/// A checked head. It goes to the handler beside the request, not through the library,
/// which reads a line byte by byte: a token alone would cost it more than all the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Method, target and the fields' values, one behind the other, in printable ASCII.
    text: String,
    method_end: usize,
    target_end: usize,
    /// Where the value of each field lies in `text`.
    fields: [Option<Range<usize>>; Field::ALL.len()],
}

impl Head {
    /// Forgets what it held and begins another.
    pub(super) fn begin(&mut self, method: &str, target: &str) {
        self.text.clear();
        self.fields = Default::default();
        self.text.push_str(method);
        self.method_end = self.text.len();
        self.text.push_str(target);
        self.target_end = self.text.len();
    }

    /// Keeps a field if a handler can read it; one that is kept already stays as it is. `lines`
    /// are the values of all its lines, joined with commas in their order (RFC 9110 5.3). A byte
    /// that is not printable ASCII becomes a question mark.
    pub(super) fn keep<'v>(&mut self, name: &str, lines: impl Iterator<Item = &'v [u8]>) {
        let Some(field) = Field::by_name(name) else { return };
        if self.field(field).is_some() {
            return;
        }
        let start = self.text.len();
        for (index, line) in lines.enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            push_printable(&mut self.text, line);
        }
        self.fields[field as usize] = Some(start..self.text.len());
    }

    pub fn method(&self) -> &str {
        &self.text[..self.method_end]
    }

    /// In origin form (`/path?query`), or `*` for OPTIONS.
    pub fn target(&self) -> &str {
        &self.text[self.method_end..self.target_end]
    }

    pub fn field(&self, field: Field) -> Option<&str> {
        let range = self.fields[field as usize].clone()?;
        Some(&self.text[range])
    }

    /// What it holds on to, in bytes.
    pub fn capacity(&self) -> usize {
        self.text.capacity()
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
    fn every_field_stands_at_its_own_place_and_is_found_by_its_name() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, place);
            assert_eq!(Field::by_name(&field.name().to_lowercase()), Some(field));
        }
        assert_eq!(Field::by_name("Cookie"), None);
    }

    #[test]
    fn the_next_head_has_nothing_of_the_last() {
        let mut head = head("POST", "/x");
        head.keep("Accept", [b"a".as_slice()].into_iter());
        head.begin("GET", "/");
        assert_eq!((head.method(), head.target(), head.field(Field::Accept)), ("GET", "/", None));
    }
}
