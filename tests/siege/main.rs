//! Every hostile case against one process: the real binary, with its default limits.
//!
//! While they run, a watcher asks for `GET /health` on new connections and on a kept one. For each
//! case the slowest response and the peak of memory are printed. The attackers give way to the
//! service and the watcher on the processors that they share, and take all the rest:
//!
//!   cargo test --test siege -- --nocapture
//!   SIEGE=full cargo test --release --test siege -- --nocapture
//!
//! A test binary of its own, so that `cargo test` runs nothing else at the same time.
#![cfg(target_os = "linux")]

mod crowds;
mod stage;
mod watch;

use std::thread;

use crowds::{MAX_CONNECTIONS, Readers};
use stage::{Stage, is_full};

use support::attack::{self, SLOW_BODY, SLOW_CHUNKS, SLOW_HEAD, Stop};

/// How many clients or rounds: `plain` is what a service without optimisation does in seconds.
fn sized(plain: usize, full: usize) -> usize {
    if is_full() { full } else { plain }
}

#[test]
fn one_process_withstands_every_case() {
    let stage = Stage::set();
    let site = stage.site;
    for count in [8, 32, 200, 1000] {
        stage.play(&format!("burst of {count}"), || drop(attack::burst(&site, count, 5)));
    }
    stage.play("1,000 slow heads and bodies", || {
        attack::slow_clients(&site, &[SLOW_HEAD, SLOW_BODY], 500, |replaced| replaced >= 2000);
    });
    stage.play("500 trickling chunked bodies", || {
        attack::slow_clients(&site, &[SLOW_CHUNKS], 500, |replaced| replaced >= 1000);
    });
    stage.play("3,000 idle connections", || {
        let mut idle = attack::newcomers(&site, 3000);
        attack::ask_all(&site, &mut idle);
    });
    stage.play("300 HTTP/2 prefaces", || attack::http2_prefaces(&site, 300));
    stage.play("endless headers", || (0..20).for_each(|_| attack::endless_header(&site)));
    stage.play("malformed requests", || attack::malformed(&site));
    stage.play("pipeliners that never read", || {
        let cut = || stage.metric("http_connections_closed_total{reason=\"slow_reader\"}");
        let before = cut();
        let _greedy: Vec<_> = (0..20).map(|_| attack::greedy_pipeliner(&site)).collect();
        attack::await_that("they are cut", || cut() >= before + 20);
    });
    stage.play("no descriptors left", || {
        let _scarce = stage.without_descriptors();
        attack::newcomers(&site, 300);
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
                attack::partial_bodies(&site, MAX_CONNECTIONS, 32 << 10);
            }
        });
    });
    stage.play("all at once", || {
        let stop = Stop::default();
        thread::scope(|scope| {
            let _stops = stop.guard();
            scope.spawn(|| {
                let kinds = [SLOW_HEAD, SLOW_BODY, SLOW_CHUNKS];
                attack::slow_clients(&site, &kinds, 200, |_| stop.is_said());
            });
            scope.spawn(|| {
                while !stop.is_said() {
                    attack::partial_bodies(&site, 1500, 32 << 10);
                }
            });
            scope.spawn(|| {
                while !stop.is_said() {
                    // Where memory or connections run short, even these may be closed.
                    attack::say_http2(&site, 50);
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
