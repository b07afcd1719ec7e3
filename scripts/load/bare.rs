//! Two servers that answer a constant: a bare `accept_connection` loop on the library, and
//! the whole HTTP side. Prints both addresses; measure them in one run:
//!
//! ```text
//! cargo run --release --example bare [threads [seconds]]
//! wrk -t2 -c32 -d5 http://<address>/
//! ```

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use orderd::http::{Handler, Head, Outcome, Peer, Rejection, Response, Server, Settings, Timeouts};
use orderd::metrics::Metrics;
use orderd::sys::poll::Waker;
use tiny_http::{Header, Listener, Response as Printable, SslContextWrap};

const BODY: &[u8] = br#"{"status":"healthy"}"#;

struct Constant;

impl Handler for Constant {
    fn respond_unrouted(&self, _: &Head) -> Option<Response> {
        None
    }

    fn respond(&self, _: &Head, _: &[u8], _: &Peer) -> Outcome {
        let response = Response::new(200).header("Content-Type", "application/json");
        Outcome::Response(response.bytes(BODY))
    }

    fn reject(&self, rejection: Rejection, _: Option<&Head>, _: &Peer) -> Response {
        Response::detail(rejection.status(), rejection.text())
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let threads = arguments.next().unwrap_or(64);
    let seconds = arguments.next().unwrap_or(3600);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::sockopt::set_tcp_nodelay(&listener, true)?;
    println!("bare {}", listener.local_addr()?);
    let listener = Arc::new(Listener::from(listener));
    for _ in 0..128 {
        let listener = Arc::clone(&listener);
        thread::spawn(move || serve_bare(&listener));
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let settings = Settings {
        threads: threads as usize,
        max_connections: 4096,
        max_connections_per_client: 4096,
        max_body_bytes: 65536,
        max_head_bytes: 16384,
        timeouts: Timeouts { idle: Duration::from_secs(15), request: Duration::from_secs(10) },
        trusted_proxies: Vec::new(),
        temp_dir: std::env::temp_dir(),
    };
    let (waker, metrics) = (Waker::new()?, Arc::new(Metrics::new()));
    let server = Server::start(listener, settings, Arc::new(Constant), &waker, metrics)?;
    println!("orderd {}", server.local_addr());
    thread::sleep(Duration::from_secs(seconds));
    Ok(())
}

/// One thread, one connection at a time, for as long as it lasts.
fn serve_bare(listener: &Listener) {
    let plain = SslContextWrap::build_ssl_capabilities(None).expect("no TLS is asked for");
    while let Ok(Some(connection)) = tiny_http::Server::accept_connection(listener, &plain) {
        for request in connection.filter_map(Result::ok) {
            let header = Header::from_bytes("Content-Type", "application/json").expect("a header");
            let _ = request.respond(Printable::from_data(BODY).with_header(header));
        }
    }
}
