//! Orders over a connection that may break in the middle of anything.

use std::io;

use support::client::Client;
use support::response::Response;

/// Places an order; `header` is a whole line with its end, or nothing.
///
/// # Errors
/// The connection broke before the whole response had come.
pub fn place(
    client: &mut Client,
    token: &str,
    header: &str,
    success: bool,
) -> io::Result<Response> {
    let body = format!("{{\"success\":{success}}}");
    let length = body.len();
    client.try_send(format!(
        "POST /orders/create HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{header}Content-Length: {length}\r\n\r\n{body}"
    ))?;
    client.try_read()
}
