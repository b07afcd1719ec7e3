//! `scripts/follow.py`, the example of a consumer, against the real binary. Without Python 3 these
//! tests say so and pass.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use support::folder::Folder;
use support::process::{Call, Running};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/follow.py");

/// Prints the orders of each history, as JSON.
const PRINT: &str = "import json, sqlite3, sys\n\
    found = {}\n\
    for source, body in sqlite3.connect(sys.argv[1]).execute(\n\
    \x20   'SELECT source, body FROM orders ORDER BY id'):\n\
    \x20   found.setdefault(source, []).append(json.loads(body))\n\
    print(json.dumps(found))";

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        println!("skipped: there is no python3");
    }
    found
}

fn serve(folder: &Folder) -> Running {
    Call::within(folder).env("RATE_LIMIT_REQUESTS", "0").start()
}

fn follow(folder: &Folder, running: &Running, token: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(SCRIPT).arg(folder.join("copy.sqlite"));
    command.arg(format!("http://{}", running.address)).env("ORDERD_TOKEN", token);
    command.stderr(Stdio::null());
    command
}

/// What the copy has of each history.
fn copied(folder: &Folder) -> Value {
    let output =
        Command::new("python3").args(["-c", PRINT]).arg(folder.join("copy.sqlite")).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

fn source(running: &Running, token: &str) -> String {
    let page = running.ask("GET", "/events/?limit=0", Some(token), "").good();
    page["source"].as_str().unwrap().to_owned()
}

fn orders(running: &Running, token: &str) -> Value {
    running.ask("GET", "/orders/", Some(token), "").good()["orders"].clone()
}

fn place(running: &Running, token: &str, note: &str) -> u64 {
    let order = json!({"line_items": [{"name": "Water"}], "note": note}).to_string();
    let placed = running.ask("POST", "/orders/create", Some(token), &order).good();
    placed["id"].as_u64().unwrap()
}

fn set_status(running: &Running, token: &str, id: u64, status: &str) {
    let body = json!({"status": status}).to_string();
    running.ask("POST", &format!("/orders/{id}/status"), Some(token), &body).good();
}

#[test]
fn a_consumer_that_is_killed_again_and_again_ends_with_what_the_store_has() {
    if !has_python() {
        return;
    }
    let folder = Folder::new();
    let running = serve(&folder);
    let token = running.token("admin", "Admin123");
    for round in 0..5 {
        let mut consumer = follow(&folder, &running, &token).spawn().unwrap();
        for _ in 0..5 {
            let id = place(&running, &token, &format!("round {round}"));
            set_status(&running, &token, id, "ready");
        }
        consumer.kill().unwrap();
        consumer.wait().unwrap();
    }
    for id in 1..=25 {
        set_status(&running, &token, id, "completed");
    }
    let ended = follow(&folder, &running, &token).arg("--once").status().unwrap();
    assert!(ended.success());
    let (source, orders) = (source(&running, &token), orders(&running, &token));
    assert_eq!(copied(&folder), json!({ source: orders }));
}

#[test]
fn a_restored_store_is_another_history_for_its_consumer() {
    if !has_python() {
        return;
    }
    let folder = Folder::new();
    let running = serve(&folder);
    let token = running.token("admin", "Admin123");
    place(&running, &token, "kept");
    let backup = Call::within(&folder).args(&["backup", "saved.redb"]).run();
    assert_eq!(backup.code, Some(0), "{backup:?}");
    place(&running, &token, "lost");
    assert!(follow(&folder, &running, &token).arg("--once").status().unwrap().success());
    let (old, lost) = (source(&running, &token), orders(&running, &token));
    running.stop();
    let restored = Call::within(&folder).args(&["restore", "saved.redb", "--force"]).run();
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let running = serve(&folder);
    let token = running.token("admin", "Admin123");
    place(&running, &token, "new");
    // The position belongs to the address, which is another port by now: so it is taken over.
    let moved = format!(
        "import sqlite3, sys; it = sqlite3.connect(sys.argv[1]); it.execute(\"UPDATE boxes SET url = 'http://{}'\"); it.commit()",
        running.address
    );
    let done =
        Command::new("python3").args(["-c", &moved]).arg(folder.join("copy.sqlite")).status();
    assert!(done.unwrap().success());
    assert!(follow(&folder, &running, &token).arg("--once").status().unwrap().success());
    let new = source(&running, &token);
    assert_ne!(new, old);
    assert_eq!(copied(&folder), json!({ old: lost, new: orders(&running, &token) }));
}

#[test]
fn a_consumer_without_the_right_ends_and_says_so() {
    if !has_python() {
        return;
    }
    let folder = Folder::new();
    let running = serve(&folder);
    let ended = follow(&folder, &running, "wrong").arg("--once").status().unwrap();
    assert_eq!(ended.code(), Some(1));
}
