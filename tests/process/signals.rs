use rustix::process::Signal;
use serde_json::json;

use support::attack::await_that;
use support::folder::Folder;
use support::process::{Call, Running};

fn place_order(running: &Running, token: &str) -> u64 {
    let body = json!({"success": true}).to_string();
    let order = running.ask("POST", "/orders/create", Some(token), &body).good();
    order["id"].as_u64().expect("an id")
}

#[test]
fn a_signal_ends_it_well_and_what_was_acknowledged_is_there_afterwards() {
    let folder = Folder::new();
    let mut expected = Vec::new();
    for signal in [Signal::TERM, Signal::INT] {
        let running = Call::within(&folder).start();
        let token = running.token("admin", "Admin123");
        expected.push(place_order(&running, &token));
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(0), "{signal:?}: {ended:?}");
    }
    let running = Call::within(&folder).start();
    let token = running.token("admin", "Admin123");
    let list = running.ask("GET", "/orders/", Some(&token), "").good();
    let ids: Vec<u64> = list["orders"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|order| order["id"].as_u64().expect("an id"))
        .collect();
    assert_eq!(ids, expected);
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let folder = Folder::new();
    let running = Call::within(&folder).env("HTTP_IDLE_TIMEOUT", "3600").start();
    let mut idle = running.connect();
    idle.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.read().good();
    running.stop();
    idle.assert_closed();
}

#[test]
fn it_tells_where_it_listens_on_stdout_and_nothing_else() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let address = running.address;
    let ended = running.stop();
    assert_eq!(ended.stdout, format!("listening on http://{address}\n"));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let folder = Folder::new();
        let settings = [("RATE_LIMIT_REQUESTS", "0"), ("LOG_FILE", "")];
        let mut running = Call::within(&folder).envs(&settings).start();
        let mut busy: Vec<_> = (0..12).map(|_| running.connect()).collect();
        for client in &mut busy {
            let body = json!({"username": "nobody", "password": "x"}).to_string();
            client.send(format!(
                "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
        // Password checks come one or two at a time: seconds of work are under way now.
        await_that("the checks never wait", || waiting_checks(&running) >= 6);
        running.signal(Signal::TERM);
        running.await_log("stopping");
        running.signal(signal);
        assert_eq!(running.wait().code, Some(code), "{signal:?}");
    }
}

/// The number of password checks that wait, from the metrics.
fn waiting_checks(running: &Running) -> u64 {
    let text = running.ask("GET", "/metrics", None, "").text();
    let line = text
        .lines()
        .find(|it| !it.starts_with('#') && it.starts_with("orderd_password_hash_queue_depth"));
    let line = line.unwrap_or_else(|| panic!("no such gauge"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_log_file_begins_with_its_folder_and_stays_out_where_there_is_none() {
    let folder = Folder::new();
    Call::within(&folder).start().stop();
    let log = folder.read_text("logs/app.log");
    assert!(log.contains("listening on") && log.contains("stopped"), "{log}");
    let bare = Folder::new();
    Call::within(&bare).env("LOG_FILE", "").start().stop();
    assert!(!bare.join("logs").exists());
}

/// The siege and the exports show what this is for. Here: the process keeps its id.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn it_starts_over_once_with_two_arenas_unless_their_number_is_set() {
    for (given, expected) in [(None, "MALLOC_ARENA_MAX=2"), (Some("5"), "MALLOC_ARENA_MAX=5")] {
        let folder = Folder::new();
        let call = Call::within(&folder);
        let call = given.into_iter().fold(call, |call, it| call.env("MALLOC_ARENA_MAX", it));
        let running = call.start();
        let pid = running.pid().as_raw_nonzero();
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let variables = environment.split(|byte| *byte == 0);
        let found: Vec<_> = variables.filter(|it| it.starts_with(b"MALLOC_ARENA_MAX=")).collect();
        assert_eq!(found, [expected.as_bytes()]);
        running.stop();
    }
}
