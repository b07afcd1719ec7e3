//! No descriptors left: a child process with a low limit must go on serving.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use support::attack;
use support::attack::site::{Site, TEST_SERVICE};

use crate::harness::TestServer;

#[test]
fn out_of_descriptors_idle_connections_give_way() {
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 80 && exec \"$0\" --exact exhaustion::child --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("KEEP_DESCRIPTOR_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| line.unwrap().strip_prefix("at ").map(|address| address.parse().unwrap()))
        .expect("the child says where it listens");
    let site = Site { address, names: &TEST_SERVICE };
    let clients = attack::newcomers(&site, 300);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    drop(clients);
}

/// Not a test by itself: this is the process that the test above starts.
#[test]
#[ignore = "started by another test"]
fn child() {
    let server = TestServer::start_with(|settings| settings.threads = 2);
    println!("\nat {}", server.address);
    let _ = std::io::stdin().read(&mut [0]);
    assert!(server.metric("http_connections_closed_total{reason=\"evicted\"}") > 100);
}
