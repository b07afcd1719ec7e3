//! The console: pages for people, made of the public API alone. All of it is in the binary, and
//! an operator's templates take no part of it.

pub mod files;

use std::borrow::Cow;

use super::accept;
use super::call::Call;
use super::docs::{FOR_EVER, REVALIDATED, names};
use crate::error::{Error, Result};
use crate::http::{Field, Response};

use files::{Asset, release};

/// Nothing from elsewhere, and nothing inline: text that came over the wire can't become code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

pub fn page(call: &Call<'_>) -> Result<Response> {
    let console = call.backend.console.as_ref().ok_or(Error::NotFound)?;
    let response = match names(call.header(Field::IfNoneMatch).unwrap_or_default(), &console.tag) {
        true => Response::new(304),
        false => coded(call, || console.page.clone(), || console.gzip.clone())
            .header("Content-Type", "text/html; charset=utf-8"),
    };
    Ok(response
        .header("ETag", console.tag.clone())
        .header("Cache-Control", REVALIDATED)
        .header("Vary", "Accept-Encoding")
        .header("Content-Security-Policy", POLICY)
        .header("Referrer-Policy", "no-referrer"))
}

/// A file. Asked for by the folder of another version, as by a page that was loaded before an
/// upgrade, it is given all the same, but not to be kept.
pub fn asset(call: &Call<'_>) -> Result<Response> {
    let path = call.head.target().split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let asset = Asset::find(name).filter(|_| call.backend.console.is_some());
    let asset = asset.ok_or(Error::NotFound)?;
    let caching = match call.parameter == Some(release()) {
        true => FOR_EVER,
        false => REVALIDATED,
    };
    Ok(coded(call, || asset.plain, || asset.gzip())
        .header("Content-Type", asset.content_type)
        .header("Cache-Control", caching)
        .header("Vary", "Accept-Encoding"))
}

/// In the coding that the client takes.
fn coded<B: Into<Cow<'static, [u8]>>>(
    call: &Call<'_>,
    plain: impl FnOnce() -> B,
    gzip: impl FnOnce() -> B,
) -> Response {
    let accepted = call.header(Field::AcceptEncoding).unwrap_or_default();
    match accept::takes_gzip(accepted) {
        true => Response::new(200).header("Content-Encoding", "gzip").bytes(gzip()),
        false => Response::new(200).bytes(plain()),
    }
}
