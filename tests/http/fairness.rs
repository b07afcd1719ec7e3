//! Clients with many connections, and those with one: who loses them when every permit is taken.

use std::net::{IpAddr, Ipv4Addr};

use support::attack;
use support::client::Client;

use crate::harness::TestServer;

const EVICTED: &str = "http_connections_closed_total{reason=\"evicted\"}";

/// Another client on the loopback network than those that connect without saying from where.
fn host(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 1, last).into()
}

fn full(max: usize, max_per_client: usize) -> TestServer {
    TestServer::start_with(|settings| {
        settings.max_connections = max;
        settings.max_connections_per_client = max_per_client;
    })
}

#[test]
fn small_responses_that_nobody_reads_keep_nobody_out() {
    let server = full(64, 16);
    let site = server.site();
    let unread: Vec<_> =
        (1..=4).flat_map(|last| attack::unread(&site, host(last), 16, "/stream")).collect();
    server.await_metric("http_connections_parked", |parked| parked == 64);
    server.await_metric("http_threads_busy", |busy| busy == 0);
    for _ in 0..50 {
        server.assert_serves();
    }
    assert_eq!(server.metric("http_refusals_total{reason=\"connection_limit\",status=\"503\"}"), 0);
    drop(unread);
}

#[test]
fn a_flood_of_connections_takes_none_from_a_client_that_has_one() {
    let server = full(32, 16);
    let site = server.site();
    let mut single = server.connect();
    single.get("/constant").assert_text("{}");
    for round in 0..20 {
        for last in 1..=4 {
            for _ in 0..8 {
                drop(attack::connect_from(&site, host(last)));
            }
        }
        let held: Vec<Client> =
            (0..40).map(|n| attack::connect_from(&site, host(n % 4 + 1))).collect();
        single.get("/constant").assert_text("{}");
        drop(held);
        server.await_metric(EVICTED, |evicted| evicted > round);
    }
}

#[test]
fn a_proxys_connections_do_not_count_as_those_of_one_client() {
    let server = TestServer::start_with(|settings| {
        settings.max_connections = 12;
        settings.trusted_proxies = vec!["127.0.1.9/32".parse().unwrap()];
    });
    let site = server.site();
    let mut proxied: Vec<Client> = (0..6).map(|_| attack::connect_from(&site, host(9))).collect();
    proxied.iter_mut().for_each(|client| client.get("/constant").assert_text("{}"));
    let _crowd: Vec<Client> = (0..30).map(|_| attack::connect_from(&site, host(1))).collect();
    server.await_metric(EVICTED, |evicted| evicted >= 24);
    proxied.iter_mut().for_each(|client| client.get("/constant").assert_text("{}"));
}
