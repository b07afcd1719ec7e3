//! Clients that are slow, greedy or hostile, and the well-behaved one among them.

use std::io::Write;
use std::time::{Duration, Instant};

use support::attack::{self, SLOW_BODY, SLOW_HEAD};
use support::client::{Client, TIMEOUT};

use crate::harness::TestServer;

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn a_thousand_slow_clients_do_not_keep_a_good_one_waiting() {
    let server = TestServer::start_with(|settings| {
        settings.threads = 4;
        settings.timeouts.request = SHORT;
    });
    let deadline = Instant::now() + TIMEOUT;
    let mut served = 0;
    attack::slow_clients(&server.site(), &[SLOW_HEAD, SLOW_BODY], 500, |replaced| {
        assert!(Instant::now() < deadline, "{served} served, {replaced} replaced");
        let mut client = server.connect();
        client.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        client.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
        client.read().assert_text("{}");
        served += 1;
        served >= 100 && replaced >= 2000
    });
    assert!(server.metric("http_refusals_total{reason=\"timeout\",status=\"408\"}") >= 1000);
}

#[test]
fn a_slow_head_or_body_is_answered_408_however_it_trickles() {
    let server = TestServer::start_with(|settings| settings.timeouts.request = SHORT);
    for (first, again) in [SLOW_HEAD, SLOW_BODY] {
        let mut client = server.connect();
        client.send(first);
        client.socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let deadline = Instant::now() + TIMEOUT;
        let answer = loop {
            assert!(Instant::now() < deadline);
            client.send(&again[..1]);
            match client.try_read() {
                Ok(answer) => break answer,
                Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::UnexpectedEof),
            }
        };
        assert_eq!((answer.status, answer.header("Connection")), (408, Some("close")));
        assert_eq!(answer.text(), r#"{"detail":"Request Timeout"}"#);
    }
}

#[test]
fn an_idle_connection_is_closed_silently() {
    let server = TestServer::start_with(|settings| settings.timeouts.idle = SHORT);
    let mut fresh = server.connect();
    let mut used = server.connect();
    used.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
    used.read().assert_text("{}");
    fresh.assert_closed();
    used.assert_closed();
    server.await_metric("http_connections_closed_total{reason=\"idle\"}", |idle| idle == 2);
}

#[test]
fn http2_prefaces_by_the_hundred_cost_no_thread() {
    let server = TestServer::start_with(|settings| settings.threads = 4);
    attack::http2_prefaces(&server.site(), 300);
    server.assert_serves();
}

#[test]
fn an_endless_header_ends_at_the_limit() {
    let server = TestServer::start();
    attack::endless_header(&server.site());
}

/// If the server closed with bytes unread, the system would reset the connection, and the client
/// would lose the response.
#[test]
fn a_refusal_arrives_though_the_client_sends_on() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    server.await_metric("http_refusals_total{reason=\"too_large\",status=\"413\"}", |n| n == 1);
    for _ in 0..200 {
        client.socket.write_all(&[b'x'; 1000]).unwrap();
    }
    assert_eq!(client.read().status, 413);
    client.assert_closed();
}

#[test]
fn a_pipeliner_that_never_reads_is_cut_and_holds_no_thread() {
    let server = TestServer::start_with(|settings| {
        settings.threads = 1;
        settings.timeouts.request = SHORT;
    });
    let _greedy = attack::greedy_pipeliner(&server.site());
    for _ in 0..20 {
        server.assert_serves();
    }
    server.await_metric("http_connections_closed_total{reason=\"slow_reader\"}", |cut| cut == 1);
    server.assert_serves();
}

#[test]
fn at_the_cap_the_oldest_idle_connection_gives_way() {
    let server = TestServer::start_with(|settings| settings.max_connections = 10);
    let mut idle = Vec::new();
    for count in 1..=10 {
        let mut client = server.connect();
        client.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
        client.read().assert_text("{}");
        server.await_metric("http_connections_parked", |parked| parked == count);
        idle.push(client);
    }
    let mut newcomer = server.connect();
    newcomer.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
    newcomer.read().assert_text("{}");
    idle[0].assert_closed();
    assert_eq!(idle[1].get("/constant").status, 200);
    assert_eq!(server.metric("http_connections_closed_total{reason=\"evicted\"}"), 1);
}

#[test]
fn partial_heads_give_way_after_the_idle_ones() {
    let server = TestServer::start_with(|settings| settings.max_connections = 2);
    let mut partial = server.connect();
    partial.send(b"GET /constant HTTP/1.1\r\n");
    server.await_metric("http_connections_parked", |parked| parked == 1);
    let mut idle = server.connect();
    idle.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.read().assert_text("{}");
    server.await_metric("http_connections_parked", |parked| parked == 2);
    let mut newcomer = server.connect();
    idle.assert_closed();
    newcomer.send(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n");
    server.await_metric("http_threads_busy", |busy| busy == 1);
    server.assert_serves();
    assert!(partial.try_read().is_err(), "the partial head has to give way");
    server.gate.open();
    newcomer.read().assert_text("{}");
}

#[test]
fn with_every_connection_busy_a_newcomer_is_told_so() {
    let server = TestServer::start_with(|settings| settings.max_connections = 3);
    let mut busy: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut busy {
        client.send(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    server.await_metric("http_threads_busy", |busy| busy == 3);
    let mut newcomer = server.connect();
    assert_eq!((newcomer.read().status, newcomer.read_to_close()), (503, Vec::new()));
    server.gate.open();
    for client in &mut busy {
        client.read().assert_text("{}");
    }
}

#[test]
fn one_client_can_not_take_every_connection_but_a_proxy_may() {
    let limit = |settings: &mut orderd::http::Settings| {
        settings.max_connections_per_client = 2;
    };
    let server = TestServer::start_with(limit);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    clients[0].assert_closed();
    assert_eq!(clients[2].get("/constant").status, 200);
    let server = TestServer::start_with(|settings| {
        limit(settings);
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let mut clients: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/constant").status, 200);
    }
}

#[test]
fn memory_for_partial_bodies_is_bounded() {
    let server = TestServer::start();
    let _clients = attack::partial_bodies(&server.site(), 1000, 65000);
    let evicted = "http_connections_closed_total{reason=\"evicted\"}";
    server.await_metric(evicted, |evicted| evicted >= 300);
    server.assert_serves();
}
