use std::io::{self, Read};

use crate::error::Result;
use crate::http::call::Call;
use crate::http::response::{Body, Response, Stream};
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
