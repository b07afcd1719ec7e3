//! A second opinion on framing: a reader of HTTP/1.1 that shares no code with the service.
//!
//! It reads only what the front door has let through, and so need not be complete. It goes
//! by the grammar of RFC 9112 alone and gives up (`None`) on whatever it doesn't know.

/// A head, split.
pub struct Head<'h> {
    pub method: &'h [u8],
    pub target: &'h [u8],
    pub version: &'h [u8],
    pub fields: Vec<(Vec<u8>, &'h [u8])>,
    /// Bytes, the last empty line included.
    pub length: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u128),
    Chunked,
}

/// A body that was read whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    pub bytes: Vec<u8>,
    /// What it took on the encoder.
    pub length: usize,
    /// It had neither extensions, blanks nor trailers.
    pub is_plain: bool,
}

/// Reads a head; empty lines ahead of it are skipped.
pub fn head(input: &[u8]) -> Option<Head<'_>> {
    let mut at = 0;
    while input[at..].starts_with(b"\r\n") {
        at += 2;
    }
    let (line, mut at) = line(input, at)?;
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else { return None };
    let mut fields = Vec::new();
    loop {
        let (line, next) = self::line(input, at)?;
        at = next;
        if line.is_empty() {
            return Some(Head { method, target, version, fields, length: at });
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        if colon == 0 || line[..colon].iter().any(|byte| !byte.is_ascii_graphic()) {
            return None;
        }
        fields.push((line[..colon].to_ascii_lowercase(), line[colon + 1..].trim_ascii()));
    }
}

impl<'h> Head<'h> {
    pub fn all(&self, name: &str) -> Vec<&'h [u8]> {
        let wanted = |field: &&(Vec<u8>, &'h [u8])| field.0 == name.as_bytes();
        self.fields.iter().filter(wanted).map(|field| field.1).collect()
    }

    /// How the body is delimited, where there is one way to read it.
    pub fn framing(&self) -> Option<Framing> {
        match (&self.all("content-length")[..], &self.all("transfer-encoding")[..]) {
            ([], []) => Some(Framing::None),
            ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Some(Framing::Chunked),
            ([digits], []) => Some(Framing::Length(number(digits, 10)?)),
            _ => None,
        }
    }
}

/// Reads a chunked body from its first byte; `None` when it is not whole, or wrong.
pub fn chunked(input: &[u8]) -> Option<Body> {
    let mut body = Body { bytes: Vec::new(), length: 0, is_plain: true };
    loop {
        let (line, next) = line(input, body.length)?;
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        body.is_plain &= number(line, 16).is_some();
        let size = usize::try_from(number(size.trim_ascii_end(), 16)?).ok()?;
        body.length = next;
        if size == 0 {
            break;
        }
        let data = input.get(next..next.checked_add(size)?)?;
        body.bytes.extend_from_slice(data);
        let (empty, next) = self::line(input, next + size)?;
        if !empty.is_empty() {
            return None;
        }
        body.length = next;
    }
    loop {
        let (line, next) = line(input, body.length)?;
        body.length = next;
        if line.is_empty() {
            return Some(body);
        }
        body.is_plain = false;
        line.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0)?;
    }
}

/// The line at `at` without its CR LF, and where the next one begins.
fn line(input: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = input.get(at..)?;
    let length = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &rest[..length];
    let is_clean = !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    is_clean.then_some((line, at + length + 2))
}

/// Digits alone; one too large counts as the largest.
fn number(digits: &[u8], base: u32) -> Option<u128> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u128, |number, digit| {
        let value = char::from(*digit).to_digit(base)?;
        Some(number.saturating_mul(base.into()).saturating_add(value.into()))
    })
}
