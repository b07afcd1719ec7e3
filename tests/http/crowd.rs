//! Many clients at once, all of them well behaved.

use std::thread;

use support::attack;
use support::client::Client;

use crate::harness::TestServer;

const GET: &[u8] = b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n";

fn burst(clients: usize, rounds: usize) {
    let server = TestServer::start();
    let clients = attack::burst(&server.site(), clients, rounds);
    assert_eq!(server.metric("http_connections_open"), clients.len() as i64);
}

#[test]
fn a_burst_of_8_clients_is_served_without_exception() {
    burst(8, 200);
}

#[test]
fn a_burst_of_32_clients_is_served_without_exception() {
    burst(32, 100);
}

#[test]
fn a_burst_of_200_clients_is_served_without_exception() {
    burst(200, 20);
}

#[test]
fn a_burst_of_1000_clients_is_served_without_exception() {
    burst(1000, 5);
}

#[test]
fn three_thousand_idle_connections_hold_no_thread_and_little_memory() {
    let server = TestServer::start_with(|settings| settings.threads = 2);
    let mut idle = attack::newcomers(&server.site(), 3000);
    server.await_metric("http_connections_parked", |parked| parked == 3000);
    server.assert_serves();
    attack::ask_all(&server.site(), &mut idle);
}

/// Where threads block in the service, others take the next requests, up to the pool's size.
#[test]
fn blocked_requests_leave_the_others_a_thread() {
    let server = TestServer::start_with(|settings| settings.threads = 16);
    let mut gated: Vec<Client> = (0..15).map(|_| server.connect()).collect();
    for client in &mut gated {
        client.send(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for _ in 0..100 {
        server.assert_serves();
    }
    server.await_metric("http_threads_busy", |busy| busy == 15);
    server.gate.open();
    for client in &mut gated {
        client.read().assert_text("{}");
    }
    for _ in 0..100 {
        server.assert_serves();
    }
}

/// Looks for lost wake-ups: a client would wait for ever, once in millions of requests.
fn endurance(requests_per_client: usize) {
    const CLIENTS: usize = 128;
    const DRIVERS: usize = 4;
    let server = TestServer::start_with(|settings| settings.threads = 64);
    thread::scope(|scope| {
        for _ in 0..DRIVERS {
            scope.spawn(|| {
                let mut clients: Vec<Client> =
                    (0..CLIENTS / DRIVERS).map(|_| server.connect()).collect();
                clients.iter_mut().for_each(|client| client.send(GET));
                for round in 0..requests_per_client {
                    for client in &mut clients {
                        client.read().assert_text("{}");
                        if round + 1 < requests_per_client {
                            client.send(GET);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(server.metric("http_airlocks_rebuilt_total"), 0);
}

#[test]
fn thousands_of_requests_over_128_connections_have_no_time_out() {
    endurance(250);
}

#[test]
#[ignore = "takes minutes without optimisation"]
fn a_million_requests_over_128_connections_have_no_time_out() {
    endurance(1_000_000 / 128);
}
