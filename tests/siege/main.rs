//! Every hostile case against one process: the real binary, with its default limits.
//!
//! While they run, a watcher asks `GET /health` on fresh connections and on a kept one. At
//! the end stand the slowest answer and the peak of memory of each case:
//!
//!   cargo test --test siege -- --nocapture
//!   SIEGE=full cargo test --release --test siege -- --nocapture
//!
//! A target of its own, and so alone on the machine while `cargo test` runs it.
#![cfg(target_os = "linux")]

#[path = "../http/cases.rs"]
mod cases;
#[path = "../http/client.rs"]
mod client;
mod crowds;
#[path = "../http/rows.rs"]
mod rows;
#[path = "../http/site.rs"]
mod site;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use std::thread;
use std::time::Duration;

use cases::{SLOW_BODY, SLOW_CHUNKS, SLOW_HEAD, Stop};
use crowds::{MAX_CONNECTIONS, Readers};
use stage::Stage;

/// "The service keeps answering `GET /health` within a second": the one deadline that a test
/// here is about. Whatever else the machine does adds to each answer, and in a plain run so do
/// a service and clients without optimisation on the same cores. So a plain run fails only
/// where an answer takes five times as long, which one behind a blocked thread or door does,
/// and prints the true figures. A full run asks for the second itself.
const SLOWEST_HEALTH: Duration = Duration::from_secs(1);
const LENIENCE: u32 = 5;

/// What one process may take at its peak, in bytes.
const MOST_MEMORY: u64 = 96_000_000;

/// Whether `SIEGE=full` asks for every case at its full size.
fn is_full() -> bool {
    std::env::var_os("SIEGE").is_some_and(|size| size == "full")
}

/// How many: what a service without optimisation does in seconds, or the full number.
fn sized(plain: usize, full: usize) -> usize {
    if is_full() { full } else { plain }
}

#[test]
fn one_process_withstands_every_case() {
    let stage = Stage::set();
    let site = stage.site;
    for count in [8, 32, 200, 1000] {
        stage.play(&format!("burst of {count}"), || drop(cases::burst(&site, count, 5)));
    }
    stage.play("1,000 slow heads and bodies", || {
        cases::slow_clients(&site, &[SLOW_HEAD, SLOW_BODY], 500, |replaced| replaced >= 2000);
    });
    stage.play("500 trickling chunked bodies", || {
        cases::slow_clients(&site, &[SLOW_CHUNKS], 500, |replaced| replaced >= 1000);
    });
    stage.play("3,000 idle connections", || {
        let mut idle = cases::newcomers(&site, 3000);
        cases::ask_all(&site, &mut idle);
    });
    stage.play("300 HTTP/2 prefaces", || cases::http2_prefaces(&site, 300));
    stage.play("endless headers", || (0..20).for_each(|_| cases::endless_header(&site)));
    stage.play("malformed requests", || cases::malformed(&site));
    stage.play("pipeliners that never read", || {
        let cut = || stage.metric("http_connections_closed_total{reason=\"slow_reader\"}");
        let before = cut();
        let _greedy: Vec<_> = (0..20).map(|_| cases::greedy_pipeliner(&site)).collect();
        cases::await_that("they are cut", || cut() >= before + 20);
    });
    stage.play("no descriptors left", || {
        let _scarce = stage.without_descriptors();
        cases::newcomers(&site, 300);
    });
    let token = stage.token.clone();
    stage.play("slow readers of long lists", || {
        Readers::of_lists(&site, &token).read(sized(200, 500), sized(300, 1000))
    });
    stage.play("slow readers of the documentation", || {
        Readers::of_docs(&site).read(sized(100, 300), sized(150, 600))
    });
    stage.play("bodies that grow when parsed", || crowds::large_trees(&site, 64, sized(1, 10)));
    stage.play("half bodies on every connection, and logins", || {
        crowds::beside_logins(&site, || {
            for _ in 0..sized(1, 2) {
                cases::partial_bodies(&site, MAX_CONNECTIONS, 32 << 10);
            }
        });
    });
    stage.play("all at once", || {
        let stop = Stop::default();
        thread::scope(|scope| {
            let _stops = stop.guard();
            scope.spawn(|| {
                let kinds = [SLOW_HEAD, SLOW_BODY, SLOW_CHUNKS];
                cases::slow_clients(&site, &kinds, 200, |_| stop.is_said());
            });
            scope.spawn(|| {
                while !stop.is_said() {
                    cases::partial_bodies(&site, 1500, 32 << 10);
                }
            });
            scope.spawn(|| {
                while !stop.is_said() {
                    // Where memory or seats run short, even these may have to give way.
                    cases::say_http2(&site, 50);
                }
            });
            crowds::beside_logins(&site, || {
                Readers::of_lists(&site, &token).read(sized(100, 500), sized(150, 1000));
                // Passwords wait to be checked for long after; the others need not.
                drop(stop.guard());
            });
        });
    });
    stage.close();
}
