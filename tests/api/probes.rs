use serde_json::{Value, json};

use support::app::TestApp;

#[track_caller]
fn checks(body: &Value) -> Vec<(&str, bool)> {
    let checks = body["checks"].as_object().unwrap_or_else(|| panic!("no checks: {body}"));
    checks.iter().map(|(name, check)| (name.as_str(), check["ok"].as_bool().unwrap())).collect()
}

#[test]
fn it_lives_as_long_as_it_answers() {
    let app = TestApp::start();
    app.get("/livez").send().good();
    app.app().store().close();
    app.get("/livez").send().good();
}

#[test]
fn it_is_ready_when_every_check_is_well() {
    let app = TestApp::start();
    let response = app.get("/readyz").send();
    let body = response.good();
    assert_eq!(body["status"], "ready");
    assert_eq!(body["mail_backlog"], 0);
    let checks = checks(&body);
    assert!(checks.len() >= 3 && checks.iter().all(|(_, ok)| *ok), "{body}");
    response.assert_header("Cache-Control", "no-store");
}

#[test]
fn it_stays_ready_though_nobody_writes() {
    let app = TestApp::start();
    for _ in 0..3 {
        app.advance_secs(3600);
        assert_eq!(app.get("/readyz").send().good()["status"], "ready");
    }
}

#[test]
fn it_is_not_ready_when_the_store_takes_no_write_and_says_so() {
    let app = TestApp::start();
    app.get("/readyz").send().good();
    app.app().store().close();
    for _ in 0..2 {
        let response = app.get("/readyz").send();
        response.assert_status(503);
        let body = response.json();
        assert_eq!(body["status"], "unready");
        let failed: Vec<_> = checks(&body).into_iter().filter(|(_, ok)| !ok).collect();
        assert_eq!(failed, [("store", false)], "{body}");
        let reason = &body["checks"]["store"]["reason"];
        assert!(reason.as_str().is_some_and(|why| !why.is_empty()), "{body}");
    }
}

#[test]
fn mails_that_wait_are_told_and_never_make_it_unready() {
    let app = TestApp::cut_off();
    let admin = app.admin();
    for _ in 0..3 {
        app.create_order(&admin, &json!({"success": true})).good();
    }
    app.advance_secs(23 * 3600);
    let body = app.get("/readyz").send().good();
    assert_eq!((&body["status"], &body["mail_backlog"]), (&json!("ready"), &json!(3)));
}

#[test]
fn a_supervisor_needs_no_token_and_may_ask_by_head() {
    let app = TestApp::start();
    for path in ["/livez", "/readyz"] {
        app.get(path).bearer("nonsense").send().good();
        app.request("HEAD", path).send().assert_status(200);
        let response = app.post(path).send();
        response.assert_detail(405, "Method Not Allowed");
        response.assert_header("Allow", "GET, HEAD, OPTIONS");
    }
    app.app().store().close();
    app.request("HEAD", "/readyz").send().assert_status(503);
}

#[test]
fn parameters_of_a_probe_are_ignored() {
    let app = TestApp::start();
    for target in ["/livez?verbose", "/readyz?exclude=store&exclude=disk"] {
        app.get(target).send().good();
    }
}
