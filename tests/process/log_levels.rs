//! The log's level, changed while the service runs.

use support::folder::Folder;
use support::process::{Call, Ended};

fn set(folder: &Folder, level: &str) -> Ended {
    Call::within(folder).args(&["log-level", level]).run()
}

#[test]
fn the_log_tells_more_or_less_at_once() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let refused = |name: &str| running.login(name, "wrong").assert_status(401);
    let told = set(&folder, "error");
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stdout.contains("error until the service is started again"), "{told:?}");
    refused("first");
    assert_eq!(set(&folder, "WARNING").code, Some(0));
    refused("second");
    running.stop();
    let log = folder.read_text("logs/app.log");
    let has = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(has("login refused"), 1, "{log}");
    assert_eq!(has("set_log_level ok"), 1, "{log}");
    assert!(log.contains("by=operator level=ERROR"), "{log}");
}

#[test]
fn only_the_operator_may() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let token = running.token("admin", "Admin123");
    let body = r#"{"level":"off"}"#;
    let refused = running.ask("POST", "/admin/log-level", Some(&token), body);
    refused.assert_detail(403, "Only the host's operator may do that");
    running.ask("POST", "/admin/log-level", None, body).assert_status(401);
    running.stop();
    assert!(folder.read_text("logs/app.log").contains("stopped"));
}

#[test]
fn a_level_that_is_none_is_a_usage_error_and_a_service_that_is_none_a_failure() {
    let folder = Folder::new();
    assert_eq!(set(&folder, "loud").code, Some(2));
    let nobody = set(&folder, "debug");
    let line = nobody.refusal(1);
    assert!(line.contains("data/orders.sock: no service listens there"), "{line}");
}
