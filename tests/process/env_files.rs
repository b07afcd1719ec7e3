use serde_json::Value;

use support::folder::Folder;
use support::process::{Call, Running};

fn health(running: &Running) -> Value {
    running.ask("GET", "/health", None, "").good()
}

#[test]
fn the_file_fills_what_the_environment_leaves_out() {
    let folder = Folder::new();
    folder.write(".env.dev", "# settings\nLOG_FILE=from-file.log\nMAIL_DIR=file-mail\n");
    Call::within(&folder).start().stop();
    assert!(folder.join("from-file.log").exists());
    Call::within(&folder).env("LOG_FILE", "from-environment.log").start().stop();
    assert!(folder.join("from-environment.log").exists());
}

#[test]
fn production_has_a_file_of_its_own() {
    let folder = Folder::new();
    folder.write(".env.dev", "LOG_FILE=dev.log\n");
    folder.write(".env.prod", "LOG_FILE=prod.log\n");
    let running = Call::within(&folder).env("ENVIRONMENT", "production").start();
    assert_eq!(health(&running)["environment"], "production");
    running.stop();
    assert!(folder.join("prod.log").exists());
    assert!(!folder.join("dev.log").exists());
}

#[test]
fn the_file_does_not_choose_the_environment() {
    let folder = Folder::new();
    folder.write(
        ".env.dev",
        "ENVIRONMENT=production\nexport ENVIRONMENT=production\nLOG_FILE=dev.log\n",
    );
    let running = Call::within(&folder).start();
    assert_eq!(health(&running)["environment"], "development");
    running.stop();
    assert!(folder.join("dev.log").exists());
}

#[test]
fn a_bad_value_in_the_file_is_a_bad_value() {
    let folder = Folder::new();
    folder.write(".env.dev", "RATE_LIMIT_WINDOW=soon\n");
    let ended = Call::within(&folder).run();
    let line = ended.refusal(2);
    assert!(line.contains("RATE_LIMIT_WINDOW") && line.contains("soon"), "{line}");
}

#[test]
fn a_line_that_can_not_be_read_is_told_without_its_text() {
    let folder = Folder::new();
    folder.write(".env.dev", "SECRET_KEY 'a secret without an equals sign\n");
    let ended = Call::within(&folder).run();
    let line = ended.refusal(2);
    assert!(line.contains(".env.dev") && !line.contains("a secret"), "{line}");
}

#[test]
fn values_of_the_file_may_be_quoted_and_are_not_expanded_by_surprise() {
    let folder = Folder::new();
    folder.write(".env.dev", "LOG_FILE=\"quoted name.log\"\nADMIN_PASSWORD='Pa$$w0rd-$HOME'\n");
    let running = Call::within(&folder).start();
    running.token("admin", "Pa$$w0rd-$HOME");
    running.stop();
    assert!(folder.join("quoted name.log").exists());
}
