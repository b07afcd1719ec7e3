use super::*;
use crate::http::head::Field;
use crate::http::protocol::head_scanner::HeadScanner;

const LIMIT: usize = 1024;

/// What a head comes to, arriving in pieces of `size` bytes: what goes in, its framing and
/// its length, a rejection, or nothing yet.
fn read(input: &[u8], size: usize) -> Result<Option<(Head, RequestFraming, usize)>, Rejection> {
    let mut scanner = HeadScanner::default();
    for end in (size..input.len() + size).step_by(size) {
        if let Some(length) = scanner.advance(&input[..end.min(input.len())], LIMIT)? {
            let mut head = Head::default();
            let framing = check(&input[..length], &mut head)?;
            return Ok(Some((head, framing, length)));
        }
    }
    Ok(None)
}

#[track_caller]
fn read_all_ways(input: &[u8]) -> Result<Option<(Head, RequestFraming, usize)>, Rejection> {
    let whole = read(input, input.len().max(1));
    for size in [1, 2, 5] {
        assert_eq!(read(input, size), whole, "{} in pieces of {size}", input.escape_ascii());
    }
    whole
}

#[track_caller]
fn framing(head: &str) -> RequestFraming {
    read_all_ways(head.as_bytes()).unwrap().unwrap().1
}

#[track_caller]
fn assert_rejected(input: &[u8], rejection: Rejection) {
    assert_eq!(read_all_ways(input), Err(rejection), "{}", input.escape_ascii());
}

#[test]
fn a_plain_head_is_copied_and_what_follows_is_left() {
    let input = b"GET /a?b HTTP/1.1\r\nHost: shop\r\nAccept:\t a \r\n\r\nGET /";
    let (head, framing, length) = read_all_ways(input).unwrap().unwrap();
    assert_eq!((head.method(), head.target()), ("GET", "/a?b"));
    assert_eq!(head.field(Field::Accept), Some("a"));
    assert_eq!(length, input.len() - 5);
    assert_eq!(framing.body, BodyLength::None);
    assert_eq!(framing.persistence, Persistence::Keep);
}

#[test]
fn only_what_the_service_reads_gets_in() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
        Upgrade: h2c\r\nExpect: 100-continue\r\nProxy-Connection: x\r\nContent-Length: 3\r\n\
        User-Agent: dropped\r\nAccept: 1\r\n\r\n";
    let (head, framing, _) = read_all_ways(head.as_bytes()).unwrap().unwrap();
    let mut expected = Head::default();
    expected.begin("POST", "/");
    expected.keep("Accept", [b"1".as_slice()].into_iter());
    assert_eq!(head, expected);
    assert_eq!(framing.persistence, Persistence::Close);
    assert_eq!(framing.expectation, Expectation::Continue);
    assert_eq!(framing.body, BodyLength::Exactly(3));
}

#[test]
fn repeats_become_one_line_and_odd_bytes_a_question_mark() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1\r\nAccept: \xc3\xa9\tx\r\n\
        x-forwarded-for: 2\r\n\r\n";
    let (head, ..) = read_all_ways(head).unwrap().unwrap();
    assert_eq!(head.field(Field::XForwardedFor), Some("1, 2"));
    assert_eq!(head.field(Field::Accept), Some("?? x"));
}

#[test]
fn an_absolute_target_goes_in_without_its_host() {
    let head = b"GET http://shop:80/a HTTP/1.1\r\nHost: other\r\n\r\n";
    assert_eq!(read_all_ways(head).unwrap().unwrap().0.target(), "/a");
}

#[test]
fn an_empty_line_ahead_is_skipped() {
    let (head, ..) = read_all_ways(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n").unwrap().unwrap();
    assert_eq!((head.method(), head.target()), ("GET", "/"));
}

#[test]
fn persistence_follows_the_version_and_the_options() {
    let of = |version: &str, connection: &str| {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
        framing(&head).persistence
    };
    assert_eq!(of("1.1", "x"), Persistence::Keep);
    assert_eq!(of("1.1", "x, Close"), Persistence::Close);
    assert_eq!(of("1.0", "x"), Persistence::Close);
    assert_eq!(of("1.0", "Keep-Alive"), Persistence::KeepAndSay);
    assert_eq!(of("1.0", "keep-alive, close"), Persistence::Close);
}

#[test]
fn expectations_other_than_one_are_unknown() {
    let of = |version: &str, lines: &str| {
        framing(&format!("PUT / HTTP/{version}\r\nHost: a\r\n{lines}\r\n")).expectation
    };
    assert_eq!(of("1.1", ""), Expectation::None);
    assert_eq!(of("1.1", "Expect: 100-Continue\r\n"), Expectation::Continue);
    assert_eq!(of("1.1", "Expect: coffee\r\n"), Expectation::Unknown);
    assert_eq!(of("1.1", "Expect: 100-continue, coffee\r\n"), Expectation::Unknown);
    assert_eq!(of("1.0", "Expect: coffee\r\n"), Expectation::None);
}

#[test]
fn bodies_are_delimited_by_length_or_chunks() {
    let of = |line: &str| framing(&format!("PUT / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n")).body;
    assert_eq!(of("Content-Length: 0"), BodyLength::Exactly(0));
    assert_eq!(of("Content-Length: 007"), BodyLength::Exactly(7));
    assert_eq!(of("Content-Length: 99999999999999999999999"), BodyLength::Exactly(u64::MAX));
    assert_eq!(of("Transfer-Encoding: Chunked"), BodyLength::Chunked);
}

#[test]
fn doubtful_framing_is_rejected() {
    for lines in [
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1, 1",
        "Content-Length: +3",
        "Content-Length: -3",
        "Content-Length: abc",
        "Content-Length: 3 3",
        "Content-Length:",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding:",
        "Transfer-Encoding: \x0bchunked",
        "Host: b",
        "Authorization: a\r\nauthorization: b",
        "Idempotency-Key: a\r\nIdempotency-Key: a",
        "Idempotency-Key: \u{e9}",
        "Content-Type: a\r\nContent-Type: b",
        "A : b",
        "A\t: b",
        " A: b",
        "A: b\r\n c",
        "A: b\r\n\tc",
        "A: b\nB: c",
        "A: b\rB: c",
        "A: b\0c",
        "A\0: b",
        "A: b\x7fc",
        "A",
        ": b",
        "A\u{e9}: b",
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
        assert_rejected(head.as_bytes(), Rejection::Malformed);
    }
}

#[test]
fn unknown_codings_are_not_implemented() {
    for coding in ["gzip", "gzip, chunked", "identity", "x"] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
        assert_rejected(head.as_bytes(), Rejection::NotImplemented);
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_rejected(old, Rejection::Malformed);
}

#[test]
fn request_lines_are_taken_literally() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / x HTTP/1.1",
        " GET / HTTP/1.1",
        "G@T / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1",
        "GET / HTTP/1.1x",
        "GET /\x01 HTTP/1.1",
        "GET / HTTP/11.1",
        "GET HTTP/1.1",
        "GET x HTTP/1.1",
        "\x16\x03\x01",
        "\n",
    ] {
        assert_rejected(format!("{line}\r\nHost: a\r\n\r\n").as_bytes(), Rejection::Malformed);
    }
    assert_rejected(b"CONNECT shop:443 HTTP/1.1\r\nHost: shop\r\n\r\n", Rejection::NotImplemented);
}

#[test]
fn other_versions_are_rejected_at_the_request_line() {
    for version in ["0.9", "1.2", "2.0", "3.0", "9.9"] {
        assert_rejected(format!("GET / HTTP/{version}\r\n").as_bytes(), Rejection::Version);
    }
    assert_rejected(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Rejection::Version);
}

#[test]
fn a_tls_hello_is_rejected_at_its_first_byte() {
    assert_rejected(b"\x16", Rejection::Malformed);
}

#[test]
fn a_host_is_needed_and_must_be_one() {
    assert_rejected(b"GET / HTTP/1.1\r\n\r\n", Rejection::Malformed);
    for host in ["a b", "a/b", "u@a", "a:b", "a, b", "<"] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_rejected(head.as_bytes(), Rejection::Malformed);
    }
    for host in ["", "shop", "shop:80", "[::1]:80", "127.0.0.1"] {
        framing(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
}

#[test]
fn heads_are_bounded_in_bytes_and_lines() {
    let start = "GET / HTTP/1.1\r\nHost: a\r\n";
    let fill =
        |length: usize| format!("{start}A: {}\r\n\r\n", "x".repeat(length - start.len() - 7));
    assert_eq!(fill(LIMIT).len(), LIMIT);
    framing(&fill(LIMIT));
    assert_rejected(fill(LIMIT + 1).as_bytes(), Rejection::HeadTooLarge);
    assert_rejected("A".repeat(LIMIT + 1).as_bytes(), Rejection::HeadTooLarge);
    framing(&format!("{start}{}\r\n", "A:\r\n".repeat(MAX_LINES - 1)));
    let lines = format!("{start}{}\r\n", "A:\r\n".repeat(MAX_LINES));
    assert_rejected(lines.as_bytes(), Rejection::HeadTooLarge);
}
