//! The documentation: the OpenAPI document, and a page that shows it. All of it is in the
//! binary, and nothing on the page may come from elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::sync::OnceLock;

use flate2::read::GzDecoder;

use super::accept;
use super::call::Call;
use super::media_types::{CSS, JAVASCRIPT};
use crate::error::Result;
use crate::http::{Body, Field, Response, Stream};

pub(super) const PAGE: &str = include_str!("../../templates/docs/index.html");
const START_SCRIPT: &str = include_str!("../../templates/docs/start.js");
const OWN_STYLESHEET: &str = include_str!("../../templates/docs/style.css");
const ICON: &[u8] = include_bytes!("../../templates/docs/favicon.png");

static BUNDLE: Compressed =
    Compressed::new(JAVASCRIPT, include_bytes!("../../templates/docs/swagger-ui-bundle.js.gz"));
static STYLESHEET: Compressed =
    Compressed::new(CSS, include_bytes!("../../templates/docs/swagger-ui.css.gz"));

/// Only what this service serves; the stylesheet has its images within itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// For what has its version in its path.
pub(super) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For the rest: kept, and asked about each time.
pub(super) const REVALIDATED: &str = "no-cache";

/// How much is sent at a time of what is not sent as gzip, in bytes.
const PIECE_BYTES: usize = 65_536;

/// What may differ in the next version of the service: kept by the client, asked about each
/// time, and told by its tag.
struct Asset {
    content_type: &'static str,
    /// Made at the first request: hashing the whole for each would cost more than sending it.
    tag: OnceLock<String>,
}

/// What is in the binary as gzip, and has its version in its path.
struct Compressed {
    content_type: &'static str,
    gzip: &'static [u8],
    plain: OnceLock<Vec<u8>>,
}

static DOCUMENT: Asset = Asset::new("application/json");
static INDEX: Asset = Asset::new("text/html; charset=utf-8");
static START: Asset = Asset::new(JAVASCRIPT);
static OWN_STYLE: Asset = Asset::new(CSS);
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

pub fn own_stylesheet(call: &Call<'_>) -> Result<Response> {
    Ok(OWN_STYLE.respond(call, OWN_STYLESHEET.as_bytes()))
}

pub fn icon(call: &Call<'_>) -> Result<Response> {
    Ok(IMAGE.respond(call, ICON))
}

pub fn bundle(call: &Call<'_>) -> Result<Response> {
    Ok(BUNDLE.respond(call))
}

pub fn stylesheet(call: &Call<'_>) -> Result<Response> {
    Ok(STYLESHEET.respond(call))
}

pub fn redoc(_call: &Call<'_>) -> Result<Response> {
    Ok(Response::new(307).header("Location", "./docs"))
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

/// Whether an `If-None-Match` names the tag.
pub(super) fn names(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

impl Compressed {
    const fn new(content_type: &'static str, gzip: &'static [u8]) -> Compressed {
        Compressed { content_type, gzip, plain: OnceLock::new() }
    }

    fn respond(&'static self, call: &Call<'_>) -> Response {
        let accepted = call.header(Field::AcceptEncoding).unwrap_or_default();
        let response = match accept::takes_gzip(accepted) {
            true => Response::new(200).header("Content-Encoding", "gzip").bytes(self.gzip),
            false => {
                let stream = Pieces { rest: self.plain() };
                Response { body: Body::Stream(Box::new(stream)), ..Response::new(200) }
            }
        };
        response
            .header("Content-Type", self.content_type)
            .header("Cache-Control", FOR_EVER)
            .header("Vary", "Accept-Encoding")
    }

    /// Unzipped at the first request of that kind, and kept: a megabyte and a half for all of
    /// them, where each would cost 4 ms otherwise.
    fn plain(&'static self) -> &'static [u8] {
        self.plain.get_or_init(|| {
            let mut plain = Vec::new();
            // It can't fail for input's sake: there is none. A test reads the whole of it.
            let _ = GzDecoder::new(self.gzip).read_to_end(&mut plain);
            plain
        })
    }
}

/// For the rare client that takes no gzip. In pieces, so that one that doesn't read keeps no
/// copy of the whole.
struct Pieces {
    rest: &'static [u8],
}

impl Stream for Pieces {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let (piece, rest) = self.rest.split_at(self.rest.len().min(PIECE_BYTES));
        buffer.extend_from_slice(piece);
        self.rest = rest;
        Ok(!rest.is_empty())
    }

    fn kept_bytes(&self) -> usize {
        0
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
    fn what_is_compressed_is_unzipped_once_and_comes_out_whole_piece_by_piece() {
        for asset in [&BUNDLE, &STYLESHEET] {
            let mut whole = Vec::new();
            GzDecoder::new(asset.gzip).read_to_end(&mut whole).unwrap();
            let mut stream = Pieces { rest: asset.plain() };
            assert_eq!(asset.plain().as_ptr(), stream.rest.as_ptr());
            let mut pieces = Vec::new();
            while stream.next(&mut pieces).unwrap() {}
            assert!(pieces == whole && whole.len() > 100_000);
        }
    }
}
