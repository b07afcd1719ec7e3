use super::samples::Fullness;
use super::*;
use crate::clock::Timestamp;

fn dir_with(name: &str, content: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), content).unwrap();
    dir
}

fn load(dir: &Path) -> Result<Templates, String> {
    Templates::load(Some(dir), Shop::default())
}

fn built_in() -> Templates {
    Templates::load(None, Shop::default()).unwrap()
}

fn sample(kind: &str) -> Mail {
    Templates::sample(kind).unwrap()
}

fn bare(kind: &str) -> Mail {
    samples::mail(kind, Fullness::Bare).unwrap()
}

#[track_caller]
fn refused(name: &str, content: &str) -> String {
    let dir = dir_with(name, content);
    let error = load(dir.path()).unwrap_err();
    assert!(error.contains(name), "{error}");
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn a_single_file_overrides_and_the_others_stay() {
    let dir = dir_with("order_failed.subject.txt", "Oh no, {{username}}: {{order_id}}\n");
    let templates = load(dir.path()).unwrap();
    let texts = templates.render(&sample("order_failed")).unwrap();
    assert_eq!(texts.subject, "Oh no, ada: 17");
    assert!(texts.html.contains("<title>Oh no, ada: 17</title>"));
    let texts = templates.render(&sample("order_success")).unwrap();
    assert_eq!(texts.subject, "Order Successful");
}

#[test]
fn a_template_that_is_broken_anywhere_stops_the_start_by_name() {
    refused("order_failed.txt", "{{#if order_id}} never closed");
    refused("order_failed.html", "{{misspelt}}");
    refused("order_successful.html", "{{unknown_helper order_id}}");
    refused("notify.txt", "{{order.misspelt}}");
    refused("order_ready.txt", "{{#each lines}}{{misspelt}}{{/each}}");
    refused("order_canceled.txt", "{{row order.misspelt totals.total}}");
    refused("order_placed.html", "{{row order.number totals.total}}");
    for include in ["{{> order_failed.txt}}", "{{~>\tx}}", "{{#>\nx}}{{/x}}"] {
        assert!(refused("order_successful.txt", include).contains("stands alone"));
    }
    assert!(refused("order_failed.txt", "a\rb\r\n{{misspelt").contains("line 3"));
    assert!(refused("order_failed.txt", "\u{feff}a\n\u{1b}[31m").contains("line 2"));
    refused("order_successful.subject.txt", " \n");
    refused("order_successful.txt", &"x".repeat(256 * 1024 + 1));
}

#[test]
fn a_template_that_fails_only_for_an_order_with_little_in_it_stops_the_start() {
    let only_full = "{{#if fulfillment.type}}ok{{else}}{{misspelt}}{{/if}}";
    refused("order_placed.txt", only_full);
    refused("notify.html", "{{#unless fulfillment.type}}{{misspelt}}{{/unless}}x");
}

#[test]
fn a_template_that_is_not_text_or_not_a_file_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("order_failed.txt")).unwrap();
    assert!(load(dir.path()).unwrap_err().contains("order_failed.txt"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("order_failed.html"), [0xff, 0xfe]).unwrap();
    assert!(load(dir.path()).unwrap_err().contains("order_failed.html"));
    assert!(load(&dir.path().join("nowhere")).is_err());
}

#[test]
fn a_subject_is_one_line_whatever_a_name_holds() {
    let dir = dir_with("order_failed.subject.txt", "{{username}}\r\nX-Header: 1\n");
    let templates = load(dir.path()).unwrap();
    let mail = Mail { username: "a\r\nBcc: b".into(), ..sample("order_failed") };
    assert_eq!(templates.render(&mail).unwrap().subject, "a Bcc: b X-Header: 1");
}

#[test]
fn a_mail_has_no_control_character_whatever_wrote_the_template_or_the_name() {
    let dir = dir_with("order_failed.txt", "\u{feff}Dear {{username}},\r\rsorry.\r\n");
    let templates = load(dir.path()).unwrap();
    let mail = Mail { username: "A\u{1b}\0da".into(), ..sample("order_failed") };
    assert_eq!(templates.render(&mail).unwrap().text, "Dear A  da,\n\nsorry.\n");
}

#[test]
fn only_what_the_operator_has_replaced_is_compiled_at_the_start() {
    let count = |templates: &Templates| {
        templates.compiled.iter().filter(|compiled| compiled.get().is_some()).count()
    };
    let templates = built_in();
    assert_eq!(count(&templates), 0);
    templates.render(&sample("notify")).unwrap();
    assert_eq!(count(&templates), 1);
    let dir = dir_with("notify.txt", "{{order.number}}");
    assert_eq!(count(&load(dir.path()).unwrap()), 1);
}

#[path = "templates_texts_tests.rs"]
mod texts;
