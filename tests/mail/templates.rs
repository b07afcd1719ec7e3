//! Templates as the real binary takes them.

use support::folder::Folder;
use support::process::Call;

#[track_caller]
fn refused(template: &str) -> String {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("own")).unwrap();
    std::fs::write(folder.join("own/order_failed.txt"), template).unwrap();
    let ended = Call::within(&folder).env("TEMPLATES_DIR", "own").run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!folder.join("data/orders.redb").exists(), "a start that fails makes no database");
    let line = ended.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(line.contains("TEMPLATES_DIR=own") && line.contains("order_failed.txt"), "{line}");
    line
}

#[test]
fn a_template_with_a_fault_stops_the_start_with_its_file_and_line() {
    for (template, line) in [
        ("Dear\u{0}you", 1),
        ("a\nb\u{1b}[31m", 2),
        ("a\r\nb\r\n{{> order_failed.txt}}", 3),
        ("a\n{{>\torder_failed.txt}}", 2),
        ("a\n\n{{\n>\norder_failed.txt}}", 3),
        ("a\n{{#if order_id}}", 2),
        ("a\n{{misspelt}}", 2),
    ] {
        let told = refused(template);
        assert!(told.contains(&format!("line {line}")), "{template:?}: {told}");
    }
}

#[test]
fn a_file_of_certificates_that_holds_none_stops_the_start() {
    let folder = Folder::new();
    std::fs::write(folder.join("ca.pem"), "nothing").unwrap();
    let ended = Call::within(&folder).env("SMTP_CA_FILE", "ca.pem").run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let line = ended.stderr.lines().last().unwrap_or_default();
    assert!(line.contains("SMTP_CA_FILE=ca.pem"), "{line}");
    assert!(line.contains("no certificate in it"), "{line}");
}

#[test]
fn a_name_for_ehlo_that_could_carry_a_command_stops_the_start() {
    let folder = Folder::new();
    let call = Call::within(&folder).env("SMTP_SERVER", "localhost");
    let ended = call.env("SMTP_HELO", "shop\r\nMAIL FROM:<a@b>").run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("SMTP_HELO="), "{ended:?}");
}
