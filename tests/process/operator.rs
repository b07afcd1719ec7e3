//! Commands beside a running server, over the socket beside its database.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use serde_json::Value;

use rustix::process::Signal;

use support::folder::Folder;
use support::process::{Call, Ended};

const SOCKET: &str = "data/orders.sock";
/// Only so that a hang fails the test.
const HANG_LIMIT: Duration = Duration::from_secs(60);

fn run(folder: &Folder, args: &[&str], input: &str) -> Ended {
    Call::within(folder).args(args).input(input).run()
}

#[track_caller]
fn json(folder: &Folder, args: &[&str]) -> Value {
    let ended = run(folder, args, "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// What the API gives with `columns=full`.
const FULL_CSV: &str = "id,user_id,created_at,status,reference_id,currency,subtotal,discount_total,\
    tax_total,total,payment_status,amount_paid,amount_refunded,customer_name,customer_email,\
    customer_phone";

#[test]
fn what_a_command_changes_beside_a_server_counts_there_at_once() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let added = run(&folder, &["user", "add", "ann", "ann@example.com"], "Secure1!");
    assert_eq!((added.code, added.stdout.as_str()), (Some(0), "made user ann, number 2\n"));
    let token = running.token("ann", "Secure1!");
    let placed = running.ask("POST", "/orders/create", Some(&token), r#"{"success":true}"#);
    placed.good();
    let orders = json(&folder, &["orders", "--json"]);
    assert_eq!(orders[0]["user_id"], 2);
    let csv = run(&folder, &["orders", "--csv", "--user", "2"], "").stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, FULL_CSV), "{csv}");
    assert!(lines[1].starts_with("1,2,2"), "{csv}");
    assert_eq!(run(&folder, &["user", "passwd", "ANN"], "Other-1!").code, Some(0));
    running.ask("GET", "/auth/me", Some(&token), "").assert_status(401);
    running.login("ann", "Other-1!").good();
    assert_eq!(run(&folder, &["user", "disable", "ann"], "").code, Some(0));
    running.login("ann", "Other-1!").assert_status(401);
    running.stop();
    // The same, without a server.
    assert_eq!(json(&folder, &["user", "list", "--json"])[1]["disabled"], true);
    assert_eq!(json(&folder, &["orders", "--json"]), orders);
}

#[test]
fn a_body_beyond_the_socket_s_bound_is_refused_before_it_comes() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let mut socket = UnixStream::connect(folder.join(SOCKET)).unwrap();
    socket.set_read_timeout(Some(HANG_LIMIT)).unwrap();
    let head = "POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Length: 65537\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    running.stop();
}

#[test]
fn what_the_service_refuses_is_told_in_a_line_with_or_without_a_server() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"], "").code, Some(0));
    for serve in [true, false] {
        let running = serve.then(|| Call::within(&folder).start());
        let taken = run(&folder, &["user", "add", "Admin", "a@example.com"], "Secure1!");
        assert!(taken.refusal(1).contains("Username already registered"), "{taken:?}");
        let faults = run(&folder, &["user", "add", "", "nowhere"], "Secure1!");
        let line = faults.refusal(1);
        assert!(line.contains("username: ") && line.contains("email: "), "{line}");
        assert!(run(&folder, &["mails", "retry", "7"], "").refusal(1).contains("Not Found"));
        running.map(|it| it.stop());
    }
}

#[test]
fn the_status_is_an_exit_code_and_a_word() {
    let folder = Folder::new();
    let stopped = run(&folder, &["status"], "");
    assert!(stopped.refusal(1).contains("no service runs"), "{stopped:?}");
    let running = Call::within(&folder).start();
    let status = json(&folder, &["status", "--json"]);
    assert_eq!((&status["ready"], &status["users"]), (&true.into(), &1.into()));
    assert!(status["database"].as_str().unwrap().starts_with('/'), "{status}");
    let told = run(&folder, &["status"], "");
    assert!(told.stdout.starts_with("state        ready, since "), "{told:?}");
    running.stop();
    assert_eq!(run(&folder, &["status"], "").code, Some(1));
}

/// A health check must not wait for ever.
#[test]
fn a_service_that_is_silent_is_not_well() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"], "").code, Some(0));
    let _listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
    let silent = run(&folder, &["status"], "");
    assert!(silent.refusal(1).contains("did not answer in time"), "{silent:?}");
}

#[test]
fn what_can_not_be_reached_is_told_with_where_it_was_looked_for() {
    let folder = Folder::new();
    for command in [&["user", "list"][..], &["orders"], &["mails", "list"], &["status"]] {
        let nowhere = run(&folder, command, "");
        let line = nowhere.refusal(1);
        assert!(line.contains("data/orders.sock") && line.contains("data/orders.redb"), "{line}");
    }
}

/// Five is the limit of a client's.
#[test]
fn no_limit_holds_the_operator_up() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    for n in 0..7 {
        let name = format!("user{n}");
        let added = run(&folder, &["user", "add", &name, &format!("{name}@a.example")], "Secure1!");
        assert_eq!(added.code, Some(0), "{added:?}");
    }
    running.stop();
}

#[test]
fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let mode = fs::metadata(folder.join(SOCKET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    running.stop();
    assert!(!folder.join(SOCKET).exists());
    assert!(!folder.join("data/orders.sock.new").exists());
}

#[test]
fn a_socket_that_a_killed_server_left_is_in_nobodys_way() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    running.signal(Signal::KILL);
    running.wait();
    assert!(folder.join(SOCKET).exists());
    assert_eq!(run(&folder, &["status"], "").code, Some(1));
    assert_eq!(json(&folder, &["user", "list", "--json"]).as_array().unwrap().len(), 1);
    let running = Call::within(&folder).start();
    assert_eq!(run(&folder, &["status"], "").code, Some(0));
    running.stop();
}

#[test]
fn what_is_not_the_services_socket_is_told_nothing() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"], "").code, Some(0));
    folder.write(SOCKET, "no socket");
    let refused = run(&folder, &["user", "passwd", "admin"], "Secure1!");
    assert!(refused.refusal(1).contains("somebody else owns it"), "{refused:?}");
    fs::remove_file(folder.join(SOCKET)).unwrap();
    // Only root can make it another's.
    let _listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
    if std::os::unix::fs::chown(folder.join(SOCKET), Some(1), None).is_ok() {
        let refused = run(&folder, &["user", "passwd", "admin"], "Secure1!");
        assert!(refused.refusal(1).contains("somebody else owns it"), "{refused:?}");
    }
}
