//! Finds the end of a head that arrives in pieces. Every byte is looked at once, and the
//! result doesn't depend on how the bytes were cut on their way.

use super::framing::{MAX_LINES, is_token_byte};
use crate::http::rejection::Rejection;

/// Looks for the end of a head that arrives in pieces.
#[derive(Debug, Default)]
pub struct HeadScanner {
    /// Bytes looked at.
    seen: usize,
    /// Where the line starts that isn't complete yet.
    line: usize,
    /// Complete lines so far, empty ones ahead of the request line left out.
    lines: usize,
}

impl HeadScanner {
    /// Looks at what is new in `input`, which holds all that came before too. Returns the
    /// length of the head when it is whole; `limit` is its largest length in bytes.
    pub fn advance(&mut self, input: &[u8], limit: usize) -> Result<Option<usize>, Rejection> {
        check_first_byte(input)?;
        while let Some(offset) = input[self.seen..].iter().position(|byte| *byte == b'\n') {
            let end = self.seen + offset + 1;
            if end > limit {
                return Err(Rejection::HeadTooLarge);
            }
            let line = strip_line_end(&input[self.line..end])?;
            self.seen = end;
            self.line = end;
            if self.take_line(line)? {
                return Ok(Some(end));
            }
        }
        self.seen = input.len();
        if input.len() > limit { Err(Rejection::HeadTooLarge) } else { Ok(None) }
    }

    /// Counts a line; true when it ends the head.
    fn take_line(&mut self, line: &[u8]) -> Result<bool, Rejection> {
        if line.is_empty() {
            // RFC 9112 2.2: an empty line ahead of the request is skipped.
            return Ok(self.lines > 0);
        }
        if self.lines == 0 {
            check_version(line)?;
        }
        if self.lines > MAX_LINES {
            return Err(Rejection::HeadTooLarge);
        }
        self.lines += 1;
        Ok(false)
    }
}

/// A request starts with a method: a TLS hello is rejected at its first byte.
fn check_first_byte(input: &[u8]) -> Result<(), Rejection> {
    match input.first() {
        Some(byte) if *byte != b'\r' && !is_token_byte(*byte) => Err(Rejection::Malformed),
        _ => Ok(()),
    }
}

/// A line without its CR LF; a bare LF or CR is rejected (RFC 9112 2.2).
fn strip_line_end(line: &[u8]) -> Result<&[u8], Rejection> {
    let line = line.strip_suffix(b"\r\n").ok_or(Rejection::Malformed)?;
    if line.contains(&b'\r') || line.contains(&0) {
        return Err(Rejection::Malformed);
    }
    Ok(line)
}

/// Refuses another version of HTTP as soon as the request line is there (RFC 9112 2.3):
/// what follows an HTTP/2 preface isn't a head at all.
fn check_version(line: &[u8]) -> Result<(), Rejection> {
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Rejection::Version)
        }
        _ => Err(Rejection::Malformed),
    }
}
