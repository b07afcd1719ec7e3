//! The chunked transfer coding (RFC 9112 7.1), decoded as it trickles in.
//!
//! ```text
//! *( 1*HEXDIG [ extension ] CRLF  data CRLF )  1*"0" [ extension ] CRLF  *( trailer CRLF ) CRLF
//! ```
//!
//! Extensions and trailers are checked, bounded and forgotten. A bare LF, a sign or a
//! blank where none belongs is rejected.

use super::framing::is_token_byte;
use crate::http::rejection::Rejection;

/// Longest line with a chunk's size, its extensions included, in bytes.
const MAX_SIZE_LINE: usize = 256;
/// Most bytes that all extensions of a body may take: many small ones cost as much as a long one.
const MAX_EXTENSIONS: usize = 4096;
/// Most bytes that the trailers may take, line ends included.
const MAX_TRAILERS: usize = 4096;

/// Decodes one body. Made for each; bytes beyond its end are left alone.
#[derive(Debug, Default)]
pub struct Decoder {
    expects: Expects,
    /// The line that isn't complete yet; it is short.
    line: Vec<u8>,
    /// What extensions and trailers have taken, in bytes.
    extensions: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Size,
    /// So many bytes of the chunk are still to come.
    Data(u64),
    /// The line end after a chunk's data.
    DataEnd,
    Trailer,
    Nothing,
}

/// How far a call to [`Decoder::advance`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that belong to the body and are done with.
    pub consumed: usize,
    pub is_complete: bool,
}

impl Decoder {
    /// Decodes `input` into `body`, which never exceeds `limit` bytes.
    pub fn advance(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limit: usize,
    ) -> Result<Progress, Rejection> {
        let mut rest = input;
        while !rest.is_empty() && self.expects != Expects::Nothing {
            rest = match self.expects {
                Expects::Data(left) => self.take_data(left, rest, body),
                _ => self.take_line(rest, body.len(), limit)?,
            };
        }
        Ok(Progress {
            consumed: input.len() - rest.len(),
            is_complete: self.expects == Expects::Nothing,
        })
    }

    fn take_data<'i>(&mut self, left: u64, input: &'i [u8], body: &mut Vec<u8>) -> &'i [u8] {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (data, rest) = input.split_at(count);
        body.extend_from_slice(data);
        let left = left - count as u64;
        self.expects = if left == 0 { Expects::DataEnd } else { Expects::Data(left) };
        rest
    }

    /// Takes bytes up to the end of the line, or all of them when it isn't there yet.
    fn take_line<'i>(
        &mut self,
        input: &'i [u8],
        body_length: usize,
        limit: usize,
    ) -> Result<&'i [u8], Rejection> {
        let end = input.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let (piece, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.line.len() + piece.len() > self.line_limit() {
            return Err(self.too_long());
        }
        self.line.extend_from_slice(piece);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r\n").ok_or(Rejection::Malformed)?;
            self.expects = self.read_line(line, body_length, limit)?;
        }
        Ok(rest)
    }

    fn line_limit(&self) -> usize {
        match self.expects {
            Expects::Trailer => MAX_TRAILERS - self.trailers,
            Expects::DataEnd => 2,
            _ => MAX_SIZE_LINE,
        }
    }

    fn too_long(&self) -> Rejection {
        match self.expects {
            Expects::Trailer => Rejection::HeadTooLarge,
            _ => Rejection::Malformed,
        }
    }

    fn read_line(&mut self, line: &[u8], body: usize, limit: usize) -> Result<Expects, Rejection> {
        match self.expects {
            Expects::DataEnd if line.is_empty() => Ok(Expects::Size),
            Expects::Trailer if line.is_empty() => Ok(Expects::Nothing),
            Expects::Trailer => self.read_trailer(line),
            Expects::Size => self.read_size(line, body, limit),
            _ => Err(Rejection::Malformed),
        }
    }

    fn read_size(&mut self, line: &[u8], body: usize, limit: usize) -> Result<Expects, Rejection> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        self.check_extension(extension)?;
        if digits.is_empty() {
            return Err(Rejection::Malformed);
        }
        let size = digits.iter().fold(0u64, |size, digit| {
            size.saturating_mul(16).saturating_add(u64::from(hex_value(*digit)))
        });
        match size {
            0 => Ok(Expects::Trailer),
            size if size > limit.saturating_sub(body) as u64 => Err(Rejection::BodyTooLarge),
            size => Ok(Expects::Data(size)),
        }
    }

    /// Blanks may stand ahead of the semicolon (RFC 9112 7.1.1), nowhere else.
    fn check_extension(&mut self, extension: &[u8]) -> Result<(), Rejection> {
        if extension.is_empty() {
            return Ok(());
        }
        self.extensions += extension.len();
        let is_blank = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        let first = extension.iter().find(|byte| !is_blank(byte));
        let is_text = |byte: &u8| matches!(*byte, b'\t' | 0x20..=0x7e | 0x80..);
        let is_fine = first == Some(&b';') && extension.iter().all(is_text);
        if is_fine && self.extensions <= MAX_EXTENSIONS {
            Ok(())
        } else {
            Err(Rejection::Malformed)
        }
    }

    fn read_trailer(&mut self, line: &[u8]) -> Result<Expects, Rejection> {
        self.trailers += line.len() + 2;
        let name = line.iter().take_while(|byte| is_token_byte(**byte)).count();
        let is_text = |byte: &u8| matches!(*byte, b'\t' | 0x20..=0x7e | 0x80..);
        if name == 0 || line.get(name) != Some(&b':') || !line[name..].iter().all(is_text) {
            return Err(Rejection::Malformed);
        }
        Ok(Expects::Trailer)
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes in pieces of `size` bytes: the body and what was left, or the rejection.
    fn decode(input: &[u8], size: usize) -> Result<Option<(Vec<u8>, usize)>, Rejection> {
        let (mut decoder, mut body, mut consumed) = (Decoder::default(), Vec::new(), 0);
        for piece in input.chunks(size) {
            let progress = decoder.advance(piece, &mut body, 100)?;
            consumed += progress.consumed;
            if progress.is_complete {
                return Ok(Some((body, input.len() - consumed)));
            }
        }
        Ok(None)
    }

    #[track_caller]
    fn assert_decodes(input: &[u8], expected: Result<Option<(&str, usize)>, Rejection>) {
        for size in [1, 2, 3, 7, input.len()] {
            let found = decode(input, size);
            let expected =
                expected.map(|done| done.map(|(body, left)| (body.as_bytes().to_vec(), left)));
            assert_eq!(found, expected, "{} in pieces of {size}", input.escape_ascii());
        }
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_left() {
        assert_decodes(b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET /", Ok(Some(("hello!", 5))));
        assert_decodes(b"00a\r\n0123456789\r\n000\r\n\r\n", Ok(Some(("0123456789", 0))));
    }

    #[test]
    fn extensions_and_trailers_are_skipped() {
        assert_decodes(b"1;a=b;c=\"d\"\r\nx\r\n0 ;e\r\nA: b\r\nC:\r\n\r\n", Ok(Some(("x", 0))));
    }

    #[test]
    fn an_unfinished_body_is_not_complete() {
        for input in ["5\r\nhell", "5\r\nhello\r\n", "0\r\n", "0\r\n\r", "0\r\nA: b\r\n"] {
            assert_decodes(input.as_bytes(), Ok(None));
        }
    }

    #[test]
    fn doubtful_framing_is_rejected() {
        for input in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            " 1\r\n",
            "0x1\r\n",
            "1 \r\nx\r\n",
            "1\nx\r\n",
            "1\r\nxy\r\n",
            "1\r\nx\n0\r\n\r\n",
            "1;\x01\r\n",
            "1;a\rb\r\n",
            "0\r\n bad: x\r\n",
            "0\r\nbad : x\r\n",
            "0\r\nbad\r\n",
            "0\r\n\n",
        ] {
            assert_decodes(input.as_bytes(), Err(Rejection::Malformed));
        }
    }

    #[test]
    fn a_body_over_its_limit_is_rejected_at_the_size() {
        assert_decodes(b"65\r\n", Err(Rejection::BodyTooLarge));
        assert_decodes(b"ffffffffffffffffffff\r\n", Err(Rejection::BodyTooLarge));
        let many = "60\r\n".to_owned() + &"x".repeat(96) + "\r\n5\r\n";
        assert_decodes(many.as_bytes(), Err(Rejection::BodyTooLarge));
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let long = format!("1;{}\r\n", "a".repeat(300));
        assert_decodes(long.as_bytes(), Err(Rejection::Malformed));
        let many = format!("1;{}\r\nx\r\n", "a".repeat(200)).repeat(21);
        assert_decodes(many.as_bytes(), Err(Rejection::Malformed));
        let trailers = "0\r\n".to_owned() + &"A: b\r\n".repeat(700);
        assert_decodes(trailers.as_bytes(), Err(Rejection::HeadTooLarge));
    }
}
