//! The chunked decoder: the same body, end and rejection however the bytes are cut, never
//! more than the limit, and the same as a second decoder's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orderd::http::Rejection;
use orderd::http::protocol::chunked::Decoder;
use orderd_fuzz::pieces::Delivery;
use orderd_fuzz::second;

const LIMIT: usize = 512;
/// Below every bound of the decoder's on lines.
const SHORT: usize = 256;

/// A body and its length on the wire; `None` when it isn't whole yet.
type Decoded = Result<Option<(Vec<u8>, usize)>, Rejection>;

fn decode<'d>(pieces: impl Iterator<Item = &'d [u8]>) -> Decoded {
    let (mut decoder, mut body, mut consumed) = (Decoder::default(), Vec::new(), 0);
    for piece in pieces {
        let progress = decoder.advance(piece, &mut body, LIMIT)?;
        assert!(body.len() <= LIMIT);
        consumed += progress.consumed;
        if progress.is_complete {
            return Ok(Some((body, consumed)));
        }
        assert_eq!(progress.consumed, piece.len(), "bytes of a body were left");
    }
    Ok(None)
}

fuzz_target!(|data: &[u8]| {
    let delivery = Delivery::of(data);
    let decoded = decode(delivery.whole());
    assert_eq!(decoded, decode(delivery.cut()), "cuts change what is decoded");
    let other = second::chunked(delivery.bytes);
    match (decoded, other) {
        (Ok(Some((body, length))), Some(other)) => {
            assert_eq!((body, length), (other.bytes, other.length));
        }
        (Ok(Some(_)), None) => panic!("the second decoder refuses what was let through"),
        (other_verdict, Some(other)) if other.is_plain && other.bytes.len() <= LIMIT => {
            assert!(other.length > SHORT, "a plain body came to {other_verdict:?}");
        }
        _ => {}
    }
});
