//! The documentation: the OpenAPI document, and a page that shows it. All of it is in the
//! binary, and nothing on the page may come from elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::sync::OnceLock;

use flate2::read::GzDecoder;

use super::accept;
use super::call::Call;
use crate::error::Result;
use crate::http::{Body, Field, Response, Stream};

pub(super) const PAGE: &str = include_str!("../../templates/docs/index.html");
const START_SCRIPT: &str = include_str!("../../templates/docs/start.js");
const ICON: &[u8] = include_bytes!("../../templates/docs/favicon.png");
const BUNDLE: &[u8] = include_bytes!("../../templates/docs/swagger-ui-bundle.js.gz");
const STYLESHEET: &[u8] = include_bytes!("../../templates/docs/swagger-ui.css.gz");

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Only what this service serves; the stylesheet has its images within itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// For what has its version in its path.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For the rest: kept, and asked about each time.
const REVALIDATED: &str = "no-cache";

/// How much is decompressed at a time, in bytes.
const PIECE_BYTES: u64 = 65_536;

/// What a decoder keeps: a window of 32 KB, and its tables.
const DECODER_BYTES: usize = 48 << 10;

/// What may differ in the next version of the service: kept by the client, asked about each
/// time, and told by its tag.
struct Asset {
    content_type: &'static str,
    /// Made at the first request: hashing the whole for each would cost more than sending it.
    tag: OnceLock<String>,
}

static DOCUMENT: Asset = Asset::new("application/json");
static INDEX: Asset = Asset::new("text/html; charset=utf-8");
static START: Asset = Asset::new(JAVASCRIPT);
static IMAGE: Asset = Asset::new("image/png");

pub fn document(call: &Call<'_>) -> Result<Response> {
    Ok(DOCUMENT.respond(call, (call.backend.document)().as_bytes()))
}

pub fn page(call: &Call<'_>) -> Result<Response> {
    Ok(INDEX.respond(call, PAGE.as_bytes()).header("Content-Security-Policy", POLICY))
}

pub fn start_script(call: &Call<'_>) -> Result<Response> {
    Ok(START.respond(call, START_SCRIPT.as_bytes()))
}

pub fn icon(call: &Call<'_>) -> Result<Response> {
    Ok(IMAGE.respond(call, ICON))
}

pub fn bundle(call: &Call<'_>) -> Result<Response> {
    Ok(compressed(call, JAVASCRIPT, BUNDLE))
}

pub fn stylesheet(call: &Call<'_>) -> Result<Response> {
    Ok(compressed(call, "text/css; charset=utf-8", STYLESHEET))
}

pub fn redoc(_call: &Call<'_>) -> Result<Response> {
    Ok(Response::new(307).header("Location", "/docs"))
}

impl Asset {
    const fn new(content_type: &'static str) -> Asset {
        Asset { content_type, tag: OnceLock::new() }
    }

    /// 304 to a client that has it already (RFC 9110, 13.1.2).
    fn respond(&'static self, call: &Call<'_>, bytes: &'static [u8]) -> Response {
        let tag = self.tag.get_or_init(|| tag_of(bytes)).as_str();
        let known = call.header(Field::IfNoneMatch).unwrap_or_default();
        let response = match names(known, tag) {
            true => Response::new(304),
            false => Response::new(200).header("Content-Type", self.content_type).bytes(bytes),
        };
        response.header("ETag", tag).header("Cache-Control", REVALIDATED)
    }
}

fn tag_of(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn names(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

fn compressed(call: &Call<'_>, content_type: &'static str, gzip: &'static [u8]) -> Response {
    let response = match accept::takes_gzip(call.header(Field::AcceptEncoding).unwrap_or_default())
    {
        true => Response::new(200).header("Content-Encoding", "gzip").bytes(gzip),
        false => {
            let stream = Decompressed { decoder: GzDecoder::new(gzip) };
            Response { body: Body::Stream(Box::new(stream)), ..Response::new(200) }
        }
    };
    response
        .header("Content-Type", content_type)
        .header("Cache-Control", FOR_EVER)
        .header("Vary", "Accept-Encoding")
}

/// For the rare client that can't do it itself.
struct Decompressed {
    decoder: GzDecoder<&'static [u8]>,
}

impl Stream for Decompressed {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let read = self.decoder.by_ref().take(PIECE_BYTES).read_to_end(buffer)?;
        Ok(read as u64 == PIECE_BYTES)
    }

    fn kept_bytes(&self) -> usize {
        DECODER_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_itself_in_a_list_weakly_or_by_a_star() {
        for known in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(names(known, "\"a\""), "{known}");
        }
        for unknown in ["", "\"b\"", "a"] {
            assert!(!names(unknown, "\"a\""), "{unknown}");
        }
    }

    #[test]
    fn what_is_compressed_comes_out_whole_piece_by_piece() {
        for gzip in [BUNDLE, STYLESHEET] {
            let mut whole = Vec::new();
            GzDecoder::new(gzip).read_to_end(&mut whole).unwrap();
            let mut stream = Decompressed { decoder: GzDecoder::new(gzip) };
            let mut pieces = Vec::new();
            while stream.next(&mut pieces).unwrap() {}
            assert!(pieces == whole && whole.len() > 100_000);
        }
    }
}
