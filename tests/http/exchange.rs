//! One client at a time: keep-alive, expectations, streams, panics, shutdown.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use orderd::http::Drained;

use support::client::TIMEOUT;

use crate::harness::TestServer;

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start();
    let mut client = server.connect();
    let requests: String = (0..500)
        .map(|n| {
            let body = n.to_string();
            let length = body.len();
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
        })
        .collect();
    client.send(requests.as_bytes());
    for n in 0..500 {
        assert_eq!(client.read().text(), n.to_string());
    }
}

#[test]
fn a_client_that_expects_it_is_told_to_continue() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.read_head().head, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"hello");
    assert_eq!(client.read().text(), "hello");
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(b"HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.read_head();
    assert_eq!(answer.header("Content-Length"), Some("1048576"));
    client.send(b"HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.read_head().header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(client.get("/constant").text(), "{}");
}

#[test]
fn an_old_client_is_kept_only_when_it_asks() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(b"GET /constant HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.read().header("Connection"), Some("keep-alive"));
    client.send(b"GET /constant HTTP/1.0\r\n\r\n");
    assert_eq!(client.read().header("Connection"), Some("close"));
    client.assert_closed();
}

#[test]
fn a_kept_connection_is_told_how_long_it_may_be_idle() {
    let server =
        TestServer::start_with(|settings| settings.timeouts.idle = Duration::from_secs(15));
    let mut client = server.connect();
    for target in ["/constant", "/stream", "/nothing"] {
        let response = client.get(target);
        let said = ["Connection", "Keep-Alive"].map(|name| response.header(name));
        assert_eq!(said, [Some("keep-alive"), Some("timeout=14")], "{target}");
    }
    client.send(b"GET /constant HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.read().header("Keep-Alive"), Some("timeout=14"));
    client.send(b"GET /constant HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let last = client.read();
    let said = ["Connection", "Keep-Alive"].map(|name| last.header(name));
    assert_eq!(said, [Some("close"), None]);
}

#[test]
fn where_no_whole_second_can_be_promised_nothing_is_said_of_it() {
    let server = TestServer::start_with(|settings| settings.timeouts.idle = Duration::from_secs(1));
    let mut client = server.connect();
    let response = client.get("/constant");
    let said = ["Connection", "Keep-Alive"].map(|name| response.header(name));
    assert_eq!(said, [None, None]);
    client.send(b"GET /constant HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.read().header("Connection"), Some("keep-alive"));
}

#[test]
fn a_client_that_asks_for_the_close_gets_it() {
    let server = TestServer::start();
    let mut client = server.connect();
    client
        .send(b"GET /constant HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /constant HTTP");
    assert_eq!(client.read().header("Connection"), Some("close"));
    client.assert_closed();
}

#[test]
fn a_stream_is_chunked_or_ends_with_the_connection() {
    let server = TestServer::start();
    let mut client = server.connect();
    let answer = client.get("/stream");
    assert_eq!((answer.header("Transfer-Encoding"), answer.body.len()), (Some("chunked"), 5000));
    assert_eq!(client.get("/long-stream").body.len(), 2_000_000);
    client.send(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let answer = client.read_head();
    assert_eq!(
        (answer.header("Connection"), answer.header("Transfer-Encoding")),
        (Some("close"), None)
    );
    assert_eq!(client.read_to_close().len(), 5000);
}

#[test]
fn a_stream_that_fails_never_looks_whole() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.try_read().is_err());
    let mut client = server.connect();
    client.send(b"GET /cut HTTP/1.0\r\n\r\n");
    let read = std::io::Read::read_to_end(&mut client.socket, &mut Vec::new());
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn an_answer_without_a_body_has_no_length() {
    let server = TestServer::start();
    let mut client = server.connect();
    let answer = client.get("/nothing");
    assert_eq!((answer.status, answer.header("Content-Length")), (204, None));
    assert_eq!(client.get("/constant").text(), "{}");
}

#[test]
fn a_large_answer_arrives_whole() {
    let server = TestServer::start();
    let mut client = server.connect();
    for _ in 0..5 {
        let answer = client.get("/large");
        assert_eq!(
            (answer.header("Content-Length"), answer.body.len()),
            (Some("1048576"), 1 << 20)
        );
    }
}

#[test]
fn a_header_that_would_split_the_answer_is_a_500() {
    let server = TestServer::start();
    let answer = server.connect().get("/bad-header");
    assert_eq!((answer.status, answer.header("b")), (500, None));
}

#[test]
fn a_panic_is_a_500_and_costs_no_thread() {
    let server = TestServer::start_with(|settings| settings.threads = 1);
    for _ in 0..5 {
        let mut client = server.connect();
        let answer = client.get("/panic");
        assert_eq!((answer.status, answer.header("Connection")), (500, Some("close")));
        assert_eq!(answer.text(), r#"{"detail":"Internal Server Error"}"#);
        client.assert_closed();
    }
    server.assert_serves();
    assert_eq!(server.metric("http_panics_total"), 5);
}

#[test]
fn a_panic_amid_a_stream_cuts_it_is_counted_and_costs_no_thread() {
    let server = TestServer::start_with(|settings| settings.threads = 1);
    let mut client = server.connect();
    client.send(b"GET /panic-later HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.try_read().is_err());
    server.assert_serves();
    assert_eq!(server.metric("http_panics_total"), 1);
}

#[test]
fn a_shutdown_lets_a_request_finish_and_closes_the_others() {
    let mut server = TestServer::start();
    let mut idle = server.connect();
    idle.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.read().assert_text("{}");
    let mut partial = server.connect();
    partial.send(b"GET /constant HTTP/1.1\r\n");
    let mut gated = server.connect();
    gated.send(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n");
    server.await_metric("http_threads_busy", |busy| busy == 1);
    server.await_metric("http_connections_parked", |parked| parked == 2);
    let running = server.take();
    let shutdown = thread::spawn(move || running.shutdown(TIMEOUT));
    idle.assert_closed();
    partial.assert_closed();
    assert!(TcpStream::connect_timeout(&server.address, TIMEOUT).is_err());
    server.gate.open();
    let answer = gated.read();
    assert_eq!((answer.status, answer.header("Connection")), (200, Some("close")));
    drop(gated);
    assert_eq!(shutdown.join().unwrap(), Drained::Whole);
    assert_eq!(server.metric("http_connections_open"), 0);
}

#[test]
fn a_shutdown_serves_what_has_come_and_was_not_read() {
    let mut server = TestServer::start_with(|settings| settings.threads = 1);
    let mut waiting = server.connect();
    server.await_metric("http_connections_parked", |parked| parked == 1);
    let mut gated = server.connect();
    gated.send(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n");
    server.await_metric("http_threads_busy", |busy| busy == 1);
    waiting.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut idle = server.connect();
    server.await_metric("http_connections_parked", |parked| parked == 2);
    let running = server.take();
    let shutdown = thread::spawn(move || running.shutdown(TIMEOUT));
    idle.assert_closed();
    server.gate.open();
    gated.read().assert_text("{}");
    let answer = waiting.read();
    assert_eq!((answer.status, answer.header("Connection")), (200, Some("close")));
    drop((gated, waiting));
    assert_eq!(shutdown.join().unwrap(), Drained::Whole);
}

#[test]
fn a_shutdown_ends_at_its_deadline() {
    let mut server = TestServer::start();
    let mut gated = server.connect();
    gated.send(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n");
    server.await_metric("http_threads_busy", |busy| busy == 1);
    assert_eq!(server.take().shutdown(Duration::from_millis(50)), Drained::Cut(1));
}
