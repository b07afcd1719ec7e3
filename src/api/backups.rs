//! Backups, for admins: a download.

use std::io::{self, Read};

use utoipa::openapi::Content;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::call::Call;
use super::openapi::{OperationDoc, Tag, response_with_headers};
use crate::error::Result;
use crate::http::{Body, Response, Stream};
use crate::service::Download;

/// What is read at once, in bytes.
const PIECE: u64 = 64 * 1024;

pub fn download(call: &Call<'_>) -> Result<Response> {
    let download = call.service().back_up(call.cx, &call.caller)?;
    let name = format!("attachment; filename=\"orders-{}.redb\"", download.made_at.to_compact());
    let mut response = Response::new(200)
        .header("Content-Type", "application/octet-stream")
        .header("Content-Disposition", name);
    response.body = Body::Stream(Box::new(download));
    Ok(response)
}

pub fn describe_download() -> OperationDoc {
    let file = ObjectBuilder::new().schema_type(Type::String).description(Some("a database file"));
    let mut backup = response_with_headers("The backup", &["Content-Disposition"]);
    let content = Content::new(Some(file));
    backup.content.insert("application/octet-stream".to_owned(), content.into());
    OperationDoc::new("back_up", Tag::System, "Download a backup (admins)")
        .about(
            "A snapshot of one moment, made and checked before the answer begins; `orderd restore` takes it. 409 while another is under way.",
        )
        .responds(200, backup)
        .fails_with(409)
}

impl Stream for Download {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        // It is asked for the next piece once the one before is on its way.
        let more = (&mut self.file).take(PIECE).read_to_end(buffer)? > 0;
        if !more {
            self.confirm_sent();
        }
        Ok(more)
    }

    fn kept_bytes(&self) -> usize {
        0
    }
}
