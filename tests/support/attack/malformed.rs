//! Malformed requests, each with its exact response.

use crate::client::Client;

pub struct Row {
    pub bytes: &'static [u8],
    /// Status, phrase and detail.
    pub answer: (u16, &'static str, &'static str),
}

const BAD: (u16, &str, &str) = (400, "Bad Request", "Bad Request");
const TOO_LARGE: (u16, &str, &str) = (413, "Payload Too Large", "Content Too Large");
const EXPECTATION: (u16, &str, &str) = (417, "Expectation Failed", "Expectation Failed");
const NOT_IMPLEMENTED: (u16, &str, &str) = (501, "Not Implemented", "Not Implemented");
const VERSION: (u16, &str, &str) =
    (505, "HTTP Version Not Supported", "HTTP Version Not Supported");

const fn row(bytes: &'static [u8], answer: (u16, &'static str, &'static str)) -> Row {
    Row { bytes, answer }
}

#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // What isn't HTTP/1.
    row(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BAD),
    row(b"\x00", BAD),
    row(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", VERSION),
    row(b"GET /constant HTTP/2.0\r\nHost: a\r\n\r\n", VERSION),
    row(b"GET /constant HTTP/3.0\r\nHost: a\r\n\r\n", VERSION),
    row(b"GET /constant HTTP/0.9\r\n\r\n", VERSION),
    row(b"GET /constant\r\n", BAD),
    // The request line.
    row(b"GET  /constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET /constant extra HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1 extra\r\nHost: a\r\n\r\n", BAD),
    row(b"GET /con\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET /constant#a HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET ftp://a/constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"GET http://u@a/constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", NOT_IMPLEMENTED),
    // Line ends and header syntax.
    row(b"GET /constant HTTP/1.1\nHost: a\n\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nA: b\0\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", BAD),
    // Headers that must be there, and once.
    row(b"GET /constant HTTP/1.1\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a b\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nidempotency-key: a\r\n\r\n", BAD),
    row(b"GET /constant HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \xff\r\n\r\n", BAD),
    // Lengths and codings. What follows would be a request of its own, and must not be read as one.
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nxGET /constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\nGET /constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\nGET /constant HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NOT_IMPLEMENTED),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", NOT_IMPLEMENTED),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", BAD),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n", TOO_LARGE),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", TOO_LARGE),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", TOO_LARGE),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", TOO_LARGE),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n", TOO_LARGE),
    row(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: coffee\r\n\r\nabc", EXPECTATION),
];

/// Reads until the server closes, and panics unless that was exactly this response. Only the
/// date and the request's id may vary. The API also sends a `Cache-Control` line, which the
/// test service does not: it is left out of the comparison.
#[track_caller]
pub fn assert_refused(client: &mut Client, answer: (u16, &str, &str), way: &str) {
    let (status, phrase, detail) = answer;
    let body = format!("{{\"detail\":\"{detail}\"}}");
    let expected = format!(
        "HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nServer: orderd\r\n\
         X-Content-Type-Options: nosniff\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let came = client.read_to_close();
    let came = String::from_utf8_lossy(&came);
    let (varying, rest): (Vec<&str>, Vec<&str>) = came
        .split_inclusive("\r\n")
        .filter(|line| *line != "Cache-Control: no-store\r\n")
        .partition(|line| line.starts_with("Date: ") || line.starts_with("X-Request-Id: "));
    assert_eq!(rest.concat(), expected, "{way}");
    assert_eq!(varying.len(), 2, "{way}: {came}");
}
