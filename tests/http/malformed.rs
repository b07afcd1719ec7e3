//! What the front door rejects, with its exact response, sent at once and a byte at a time.

use support::attack;
use support::attack::malformed::assert_refused;

use crate::harness::TestServer;

#[test]
fn malformed_requests_have_their_exact_answer_and_close() {
    let server = TestServer::start();
    attack::malformed(&server.site());
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
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nlo\r\n0\r\n\r\n", "lo"),
        (b"GET /constant HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "{}"),
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
    let expected = (431, "Request Header Fields Too Large", "Request Header Fields Too Large");
    let long = format!("GET /constant HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(16384));
    let many = format!("GET /constant HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(100));
    for head in [long, many] {
        let mut client = server.connect();
        client.send(head.as_bytes());
        assert_refused(&mut client, expected, "a head over its limit");
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
