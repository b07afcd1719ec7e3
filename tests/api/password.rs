use serde_json::{Value, json};

use support::app::{PASSWORD, TestApp};
use support::response::Response;

const NEW: &str = "Fresh-pa55";
const MASK: &str = "**********";
const POLICY: &str = "Password must be at least 8 characters with uppercase, lowercase, digit, \
                      and special character";

fn change(app: &TestApp, token: &str, body: &Value) -> Response {
    app.post("/auth/password").bearer(token).json(body).send()
}

fn from_to(old: &str, new: &str) -> Value {
    json!({"old_password": old, "new_password": new})
}

#[test]
fn the_new_password_counts_and_the_old_one_no_more() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let response = change(&app, &ann, &from_to(PASSWORD, NEW));
    response.assert_status(204);
    assert_eq!(response.text(), "");
    response.assert_no_header("Content-Length");
    response.assert_no_header("Content-Type");
    assert!(response.header("X-Request-Id").is_some());
    app.login("ann", PASSWORD).assert_detail(401, "Incorrect username or password");
    app.login("ann", NEW).good();
}

#[test]
fn all_of_the_user_s_tokens_end_at_once_and_nobody_else_s() {
    let app = TestApp::start();
    let (ben, ann) = (app.user("ben"), app.user("ann"));
    let other = app.token("ann", PASSWORD);
    change(&app, &ann, &from_to(PASSWORD, NEW)).assert_status(204);
    for token in [&ann, &other] {
        app.me(token).assert_detail(401, "Could not validate credentials");
    }
    app.me(&ben).good();
    app.me(&app.token("ann", NEW)).good();
}

#[test]
fn a_change_outlives_a_restart() {
    let mut app = TestApp::start();
    let ann = app.user("ann");
    change(&app, &ann, &from_to(PASSWORD, NEW)).assert_status(204);
    app.restart();
    app.me(&ann).assert_detail(401, "Could not validate credentials");
    app.login("ann", NEW).good();
}

#[test]
fn a_wrong_old_password_changes_nothing() {
    let app = TestApp::start();
    let ann = app.user("ann");
    for wrong in ["Wrong1!!", "", &PASSWORD.to_lowercase()] {
        change(&app, &ann, &from_to(wrong, NEW)).assert_status(400);
    }
    app.me(&ann).good();
    app.login("ann", NEW).assert_status(401);
    app.login("ann", PASSWORD).good();
}

#[test]
fn a_new_password_meets_the_policy() {
    let app = TestApp::start();
    let ann = app.user("ann");
    for weak in ["", "Short1!", "nouppercase1!", "NOLOWERCASE1!", "NoDigits!!", "NoSpecial11"] {
        change(&app, &ann, &from_to(PASSWORD, weak)).assert_detail(400, POLICY);
    }
    app.me(&ann).good();
    app.login("ann", PASSWORD).good();
}

#[test]
fn both_fields_are_texts_and_no_password_comes_back() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let missing = |name: &str, input: Value| {
        json!({
            "type": "missing", "loc": ["body", name], "msg": "Field required", "input": input,
        })
    };
    let body = json!({"note": 1});
    let faults = [missing("old_password", body.clone()), missing("new_password", body.clone())];
    change(&app, &ann, &body).assert_invalid(&faults);
    let half = json!({"old_password": PASSWORD});
    let masked = json!({"old_password": MASK});
    change(&app, &ann, &half).assert_invalid(&[missing("new_password", masked)]);
    let faults = ["old_password", "new_password"].map(|name| {
        json!({
            "type": "string_type", "loc": ["body", name],
            "msg": "Input should be a valid string", "input": MASK,
        })
    });
    change(&app, &ann, &json!({"old_password": 5, "new_password": null})).assert_invalid(&faults);
}

#[test]
fn a_password_is_changed_by_its_user_alone() {
    let app = TestApp::start();
    let body = from_to(PASSWORD, NEW);
    app.post("/auth/password").json(&body).send().assert_detail(401, "Not authenticated");
    change(&app, "nonsense", &body).assert_detail(401, "Could not validate credentials");
    let response = app.get("/auth/password").send();
    response.assert_detail(405, "Method Not Allowed");
    response.assert_header("Allow", "POST, OPTIONS");
}

#[test]
fn guesses_at_the_old_password_run_out_wherever_they_come_from() {
    let app = TestApp::limited();
    let login = json!({"username": "admin", "password": support::app::ADMIN_PASSWORD});
    let token = app.post("/auth/login").from("192.0.2.1").json(&login).send().good();
    let token = token["access_token"].as_str().unwrap();
    let guess = |address: &str| {
        let request = app.post("/auth/password").bearer(token).from(address);
        request.json(&from_to("Wrong1!!", NEW)).send()
    };
    for _ in 0..5 {
        guess("192.0.2.66").assert_status(400);
    }
    let refused = guess("192.0.2.66");
    refused.assert_status(429);
    refused.assert_header("RateLimit-Policy", "\"password\";q=5;w=60");
    refused.assert_header("Retry-After", "12");
    guess("192.0.2.1").assert_status(429);
}
