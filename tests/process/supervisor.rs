//! What a supervisor hears of the service, and what it reads of the log.

use std::fs::File;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use serde_json::Value;

use support::client::TIMEOUT;
use support::folder::Folder;
use support::process::Call;

#[track_caller]
fn heard(socket: &UnixDatagram) -> String {
    let mut message = [0; 1024];
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let length = socket.recv(&mut message).expect("a message");
    String::from_utf8(message[..length].to_vec()).unwrap()
}

#[test]
fn a_supervisor_hears_when_the_service_listens_and_when_it_stops() {
    let folder = Folder::new();
    let path = folder.join("notify.sock");
    let name = format!("orderd-test-{}", std::process::id());
    let by_path = UnixDatagram::bind(&path).unwrap();
    let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
    let by_name = UnixDatagram::bind_addr(&abstract_address).unwrap();
    let path = path.to_str().unwrap().to_owned();
    for (socket, address) in [(by_path, path), (by_name, format!("@{name}"))] {
        let running = Call::within(&folder).env("NOTIFY_SOCKET", &address).start();
        let expected = format!("READY=1\nSTATUS=listening on http://{}", running.address);
        assert_eq!(heard(&socket), expected);
        running.ask("GET", "/readyz", None, "").good();
        running.stop();
        assert_eq!(heard(&socket), "STOPPING=1");
    }
}

#[test]
fn a_watchdog_hears_from_a_service_that_answers() {
    let folder = Folder::new();
    let socket = UnixDatagram::bind(folder.join("notify.sock")).unwrap();
    let address = folder.join("notify.sock");
    let call = Call::within(&folder).env("NOTIFY_SOCKET", address.to_str().unwrap());
    let running = call.env("WATCHDOG_USEC", "4000000").start();
    assert!(heard(&socket).starts_with("READY=1"));
    for _ in 0..2 {
        assert_eq!(heard(&socket), "WATCHDOG=1");
    }
    running.stop();
    while heard(&socket) != "STOPPING=1" {}
}

#[test]
fn a_supervisor_that_nobody_finds_stops_no_start() {
    for address in ["/nowhere/notify.sock", "@nobody-listens-here", "vsock:2:1"] {
        let folder = Folder::new();
        let ended = Call::within(&folder).env("NOTIFY_SOCKET", address).start().stop();
        assert!(ended.stderr.contains("WARN  the supervisor "), "{ended:?}");
    }
}

/// Tries to serve on a port that is taken, and gives what it said on stderr.
fn refused_start(folder: &Folder, stream: impl Fn(u64, u64) -> String) -> String {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let stderr = File::create(folder.join("stderr")).unwrap();
    let found = stderr.metadata().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_orderd"))
        .env_clear()
        .env("PORT", taken.local_addr().unwrap().port().to_string())
        .env("JOURNAL_STREAM", stream(found.dev(), found.ino()))
        .current_dir(folder.path())
        .stderr(stderr)
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
    folder.read_text("stderr")
}

#[test]
fn on_the_journal_each_line_begins_with_its_priority_and_nowhere_else() {
    let folder = Folder::new();
    let journal = refused_start(&folder, |device, inode| format!("{device}:{inode}"));
    let lines: Vec<_> = journal.lines().collect();
    assert!(lines.len() >= 2 && lines[0].starts_with("<6>20"), "{journal}");
    let last = lines.last().unwrap();
    assert!(last.starts_with("<3>20") && last.contains("ERROR not started: "), "{journal}");
    let log = folder.read_text("logs/app.log");
    assert!(log.starts_with("20") && !log.contains('<'), "{log}");
    let folder = Folder::new();
    let other = refused_start(&folder, |device, inode| format!("{device}:{}", inode + 1));
    assert!(other.starts_with("20") && !other.contains('<'), "{other}");
}

#[test]
fn a_log_of_objects_has_one_on_each_line() {
    let folder = Folder::new();
    let running = Call::within(&folder).env("LOG_FORMAT", "json").start();
    running.login("admin", "wrong").assert_status(401);
    let ended = running.stop();
    for text in [ended.stderr, folder.read_text("logs/app.log")] {
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let says = |level: &str, start: &str| {
            lines.iter().any(|line| {
                let is_meant = line["message"].as_str().unwrap().starts_with(start);
                assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
                is_meant && line["level"] == level
            })
        };
        assert!(says("info", "orderd "), "{text}");
        assert!(says("warn", "login refused"), "{text}");
        assert!(says("info", "stopping: SIGTERM"), "{text}");
    }
}
