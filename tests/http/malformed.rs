//! What the front door refuses, each with its exact answer, sent whole and a byte at a time.

use crate::harness::{Client, TestServer, refused};

struct Row {
    bytes: &'static [u8],
    answer: (u16, &'static str, &'static str),
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
const TABLE: &[Row] = &[
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

#[track_caller]
fn assert_answer(client: &mut Client, row: &Row, way: &str) {
    let (status, phrase, detail) = row.answer;
    let answer = client.read_to_close();
    let (date, rest): (Vec<&str>, Vec<&str>) =
        answer.split_inclusive("\r\n").partition(|line| line.starts_with("Date: "));
    assert_eq!(
        rest.concat(),
        refused(status, phrase, detail),
        "{way}: {}",
        row.bytes.escape_ascii()
    );
    assert_eq!(date.len(), 1);
}

#[test]
fn malformed_requests_have_their_exact_answer_and_close() {
    let server = TestServer::start();
    for row in TABLE {
        let mut client = server.connect();
        client.send(row.bytes);
        assert_answer(&mut client, row, "whole");
        let mut client = server.connect();
        client.send_bytewise(row.bytes);
        assert_answer(&mut client, row, "bytewise");
    }
    server.assert_serves();
    assert_eq!(server.metric("http_airlocks_rebuilt_total"), 0);
}

#[test]
fn good_requests_are_answered_whole_and_a_byte_at_a_time() {
    let table: &[(&[u8], &str)] = &[
        (b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n", "{}"),
        (b"\r\nGET /constant HTTP/1.1\r\nHost:\r\n\r\n", "{}"),
        (b"GET http://b/header/Accept HTTP/1.1\r\nHost: a\r\nAccept: c\r\n\r\n", "c"),
        (b"GET /header/X-Forwarded-For HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1\r\nx-forwarded-for: 2\r\n\r\n", "1, 2"),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        (b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "{}"),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ""),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n", "hello"),
        (b"POST /fields HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nlo\r\n0\r\n\r\n", "Content-Length: 2;"),
        (b"GET /fields HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", ""),
    ];
    let server = TestServer::start();
    let mut client = server.connect();
    for (bytes, body) in table {
        client.send(bytes);
        assert_eq!(client.read().text(), *body, "{}", bytes.escape_ascii());
        client.send_bytewise(bytes);
        assert_eq!(client.read().text(), *body, "bytewise: {}", bytes.escape_ascii());
    }
}

#[test]
fn a_head_over_its_limit_is_refused() {
    let server = TestServer::start();
    let expected =
        refused(431, "Request Header Fields Too Large", "Request Header Fields Too Large");
    let long = format!("GET /constant HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(16384));
    let many = format!("GET /constant HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(100));
    for head in [long, many] {
        let mut client = server.connect();
        client.send(head.as_bytes());
        let answer = client.read_to_close();
        let (date, rest): (Vec<&str>, Vec<&str>) =
            answer.split_inclusive("\r\n").partition(|line| line.starts_with("Date: "));
        assert_eq!((date.len(), rest.concat()), (1, expected.clone()));
    }
}

#[test]
fn a_request_that_ends_early_is_never_served() {
    let server = TestServer::start();
    for bytes in [
        "GET /constant HTTP/1.1\r\nHost: a\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut client = server.connect();
        client.send(bytes.as_bytes());
        client.socket.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = client.read();
        assert_eq!(answer.status, 400, "{bytes}");
        client.assert_closed();
    }
}

#[test]
fn a_target_without_a_route_is_said_before_its_body_is_judged() {
    let server = TestServer::start();
    for lines in ["Content-Length: 65537", "Expect: 100-continue\r\nContent-Length: 5", "Expect: x"]
    {
        let mut client = server.connect();
        let head = format!("POST /missing HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
        client.send(head.as_bytes());
        let answer = client.read();
        assert_eq!((answer.status, answer.header("Connection")), (404, Some("close")), "{lines}");
        client.assert_closed();
    }
}
