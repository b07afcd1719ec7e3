//! Tokens as OAuth2's password flow gives them, and their end at a logout.

use serde_json::json;

use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};
use support::response::Response;

const FORM: &str = "application/x-www-form-urlencoded";

fn ask(app: &TestApp, form: &str) -> Response {
    app.post("/auth/token").header("Content-Type", FORM).body(form).send()
}

#[test]
fn a_form_with_a_name_and_its_password_gives_a_token() {
    let app = TestApp::start_with(&["--access-token-expire-minutes=2"]);
    let password = ADMIN_PASSWORD.replace('!', "%21");
    for form in [
        format!("grant_type=password&username=admin&password={password}"),
        format!("username=ADMIN&password={password}&scope=&client_id=&client_secret="),
    ] {
        let response = ask(&app, &form);
        let token = response.good()["access_token"].as_str().unwrap().to_owned();
        let body = json!({"access_token": token, "token_type": "bearer", "expires_in": 120});
        response.assert_json(200, &body);
        response.assert_header("Cache-Control", "no-store");
        app.me(&token).good();
    }
}

#[test]
fn it_fails_as_a_login_does() {
    let app = TestApp::start();
    for form in ["username=admin&password=wrong", "username=nobody&password=wrong"] {
        ask(&app, form).assert_detail(401, "Incorrect username or password");
    }
}

#[test]
fn what_is_missing_or_another_grant_is_told_and_no_password_given_back() {
    let app = TestApp::start();
    let missing = |name: &str, input| {
        json!({
            "type": "missing", "loc": ["body", name], "msg": "Field required", "input": input,
        })
    };
    let none = json!({});
    ask(&app, "").assert_invalid(&[missing("username", none.clone()), missing("password", none)]);
    let masked = json!({"password": "**********"});
    ask(&app, "password=secret").assert_invalid(&[missing("username", masked)]);
    let grant = ask(&app, "grant_type=client_credentials&username=a&password=b");
    grant.assert_status(422);
    let fault = grant.json()["detail"][0].clone();
    assert_eq!(fault["loc"], json!(["body", "grant_type"]));
    assert_eq!(fault["ctx"], json!({"expected": "'password'"}));
}

#[test]
fn only_a_form_is_read() {
    let app = TestApp::start();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let json = app.post("/auth/token").json(&body).send();
    json.assert_detail(415, "Unsupported Media Type");
    let form = format!("username=admin&password={ADMIN_PASSWORD}");
    let login = app.post("/auth/login").header("Content-Type", FORM).body(form.clone());
    login.send().assert_detail(415, "Unsupported Media Type");
    app.post("/auth/token").body(form).send().good();
    ask(&app, "username=admin&password=%FF").assert_status(401);
}

#[test]
fn it_shares_the_limit_of_logins() {
    let app = TestApp::limited();
    for _ in 0..5 {
        ask(&app, "username=nobody&password=x").assert_status(401);
    }
    let limited = ask(&app, "username=nobody&password=x");
    limited.assert_status(429);
    limited.assert_header("RateLimit-Policy", "\"login\";q=5;w=60");
    app.login("admin", ADMIN_PASSWORD).assert_status(429);
}

#[test]
fn a_logout_ends_all_of_the_caller_s_tokens_and_nobody_else_s() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    let other = app.token("ann", PASSWORD);
    let out = app.post("/auth/logout").bearer(&ann).send();
    out.assert_status(204);
    assert!(out.body.is_empty());
    for token in [&ann, &other] {
        app.me(token).assert_detail(401, "Could not validate credentials");
    }
    app.post("/auth/logout").bearer(&ann).send().assert_status(401);
    app.post("/auth/logout").send().assert_detail(401, "Not authenticated");
    app.me(&admin).good();
    app.me(&app.token("ann", PASSWORD)).good();
}
