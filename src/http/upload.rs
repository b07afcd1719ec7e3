//! A request whose head is known and whose body is still coming.

use super::head::Head;
use super::protocol::chunked;
use super::protocol::framing::{BodyLength, RequestFraming};
use super::rejection::Rejection;

/// Takes the body from what comes, as its framing says.
pub struct Upload {
    pub framing: RequestFraming,
    pub head: Head,
    pub body: Vec<u8>,
    decoder: Option<chunked::Decoder>,
}

impl Upload {
    pub fn new(framing: RequestFraming, head: Head) -> Upload {
        let decoder = (framing.body == BodyLength::Chunked).then(chunked::Decoder::default);
        Upload { framing, head, body: Vec::new(), decoder }
    }

    /// Takes from `input` what belongs to the body; true when the body is whole. `limit` is the
    /// most that it may have, in bytes.
    pub fn take(&mut self, input: &mut Vec<u8>, limit: usize) -> Result<bool, Rejection> {
        if let Some(decoder) = &mut self.decoder {
            let progress = decoder.advance(input, &mut self.body, limit)?;
            input.drain(..progress.consumed);
            return Ok(progress.is_complete);
        }
        let BodyLength::Exactly(length) = self.framing.body else { return Ok(true) };
        if length > limit as u64 {
            return Err(Rejection::BodyTooLarge);
        }
        let missing = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(self.body.len());
        let taken = missing.min(input.len());
        self.body.extend_from_slice(&input[..taken]);
        input.drain(..taken);
        Ok(self.body.len() as u64 >= length)
    }

    /// What it holds on to, in bytes.
    pub fn kept_bytes(&self) -> usize {
        self.head.capacity() + self.body.capacity()
    }
}
