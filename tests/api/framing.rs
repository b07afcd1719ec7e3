//! What the front door rejects before there is a request, with the API's own responses.

use support::app::{ADMIN_PASSWORD, TestApp};

/// Panics unless the request is rejected with this, and the connection closed.
#[track_caller]
fn assert_refused(app: &TestApp, request: &str, status: u16, text: &str) {
    let mut client = app.connect();
    client.send(request);
    let response = client.read();
    response.assert_detail(status, text);
    assert!(response.lists("Connection", "close"), "{:?}", response.headers);
    client.assert_closed();
}

#[test]
fn what_is_malformed_is_400() {
    let app = TestApp::start();
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n",
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        assert_refused(&app, request, 400, "Bad Request");
    }
}

#[test]
fn a_body_over_the_limit_is_413_before_it_is_sent() {
    let app = TestApp::start_with(&["--http-max-body-bytes=1024"]);
    let head = |length: usize| {
        format!("POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
    };
    assert_refused(&app, &head(1025), 413, "Content Too Large");
    assert_refused(&app, &head(99_999_999_999), 413, "Content Too Large");
    let chunked = "POST /auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(1025));
    assert_refused(&app, &format!("{chunked}{body}"), 413, "Content Too Large");
    app.post("/auth/login").body(" ".repeat(1024)).send().assert_status(422);
}

#[test]
fn the_limit_of_a_body_comes_before_its_kind_and_after_the_route() {
    let app = TestApp::start_with(&["--http-max-body-bytes=1024"]);
    let large = || vec![b'x'; 2000];
    let request = app.post("/auth/login").header("Content-Type", "text/plain").body(large());
    request.send().assert_detail(413, "Content Too Large");
    app.post("/nowhere").body(large()).send().assert_detail(404, "Not Found");
    app.request("PUT", "/auth/login").body(large()).send().assert_detail(405, "Method Not Allowed");
}

#[test]
fn a_head_over_the_limit_is_431() {
    let app = TestApp::start_with(&["--http-max-head-bytes=1024"]);
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1100));
    assert_refused(&app, &request, 431, "Request Header Fields Too Large");
}

#[test]
fn an_expectation_that_nobody_knows_is_417() {
    let app = TestApp::start();
    let request =
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n";
    assert_refused(&app, request, 417, "Expectation Failed");
}

#[test]
fn a_coding_that_nobody_knows_is_501() {
    let app = TestApp::start();
    let request =
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_refused(&app, request, 501, "Not Implemented");
}

#[test]
fn another_version_is_505() {
    let app = TestApp::start();
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/1.2"] {
        let request = format!("GET / {version}\r\nHost: a\r\n\r\n");
        let mut client = app.connect();
        client.send(&request);
        let response = client.read();
        if version == "HTTP/1.2" {
            // A minor version that is not known is spoken to as the highest that is.
            assert!(matches!(response.status, 200 | 505), "{}", response.status);
            continue;
        }
        response.assert_detail(505, "HTTP Version Not Supported");
        assert!(response.lists("Connection", "close"));
    }
    assert_refused(&app, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP Version Not Supported");
}

#[test]
fn a_request_that_does_not_end_is_408() {
    let app = TestApp::start_with(&["--http-request-timeout=1"]);
    assert_refused(&app, "GET / HTTP/1.1\r\nHost:", 408, "Request Timeout");
    let half = "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{";
    assert_refused(&app, half, 408, "Request Timeout");
}

#[test]
fn a_chunked_body_is_a_body() {
    let app = TestApp::start();
    let (first, second) =
        ("{\"username\":\"admin\",", format!("\"password\":\"{ADMIN_PASSWORD}\"}}"));
    let mut client = app.connect();
    client.send(format!(
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x};ext=1\r\n{second}\r\n0\r\nTrailer: x\r\n\r\n",
        first.len(),
        second.len()
    ));
    client.read().good();
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let app = TestApp::start();
    let body = format!("{{\"username\":\"admin\",\"password\":\"{ADMIN_PASSWORD}\"}}");
    let mut client = app.connect();
    client.send(format!(
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    client.read_head().assert_status(100);
    client.send(&body);
    client.read().good();
}

#[test]
fn requests_sent_at_once_are_answered_in_turn() {
    let app = TestApp::start();
    let mut client = app.connect();
    client.send(
        "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\nHEAD /health HTTP/1.1\r\nHost: a\r\n\r\n\
         POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{\
         GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    client.read().assert_status(404);
    client.read_head().assert_status(200);
    client.read().assert_status(422);
    let last = client.read();
    last.good();
    assert!(last.lists("Connection", "close"));
    client.assert_closed();
}
