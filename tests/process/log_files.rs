use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use support::client::TIMEOUT;
use support::folder::Folder;
use support::process::Call;

fn make_pipe(folder: &Folder, name: &str) {
    assert!(Command::new("mkfifo").arg(folder.join(name)).status().unwrap().success());
}

#[test]
fn the_log_is_its_owners_and_its_groups_alone() {
    let folder = Folder::new();
    Call::within(&folder).start().stop();
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("logs/app.log"), mode("logs")), (0o640, 0o750));
}

#[test]
fn a_hangup_makes_a_log_anew_that_was_moved_away_and_ends_nothing() {
    let folder = Folder::new();
    let mut running = Call::within(&folder).env("RATE_LIMIT_REQUESTS", "0").start();
    let token = running.token("admin", "Admin123");
    let mut client = running.connect();
    thread::scope(|scope| {
        let traffic = scope.spawn(move || {
            for _ in 0..200 {
                client.send(format!(
                    "POST /orders/create HTTP/1.1\r\nHost: shop\r\nContent-Length: 16\r\n\
                     Authorization: Bearer {token}\r\n\r\n{{\"success\":true}}"
                ));
                client.read().good();
            }
        });
        for round in 0..3 {
            fs::rename(folder.join("logs/app.log"), folder.join(&format!("logs/moved-{round}")))
                .unwrap();
            running.signal(Signal::HUP);
            let started = Instant::now();
            while !folder.join("logs/app.log").exists() {
                assert!(started.elapsed() < TIMEOUT, "no new log");
                thread::yield_now();
            }
        }
        traffic.join().unwrap();
    });
    running.await_log("the log was opened again");
    running.stop();
    let log = folder.read_text("logs/app.log");
    assert!(log.contains("stopped"), "{log}");
    assert!(folder.read_text("logs/moved-0").contains("listening on"));
}

#[test]
fn a_log_on_stdout_is_read_there() {
    let folder = Folder::new();
    let ended = Call::within(&folder).env("LOG_FILE", "/dev/stdout").start().stop();
    assert!(ended.stdout.contains("INFO  stopped"), "{ended:?}");
}

#[test]
fn a_pipe_is_written_to_while_somebody_reads_it_and_else_refused() {
    let folder = Folder::new();
    make_pipe(&folder, "pipe");
    let ended = Call::within(&folder).env("LOG_FILE", "pipe").run();
    let line = ended.refusal(2);
    assert!(line.contains("LOG_FILE=pipe") && line.contains("nobody reads"), "{line}");
    let both_ends = File::options().read(true).write(true).open(folder.join("pipe")).unwrap();
    let running = Call::within(&folder).env("LOG_FILE", "pipe").start();
    let mut lines = BufReader::new(both_ends).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("listening on")));
    running.stop();
}
