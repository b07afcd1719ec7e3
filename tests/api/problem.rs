//! Errors in the format of RFC 9457, for clients that ask for it.

use serde_json::{Value, json};

use support::app::{PASSWORD, Request, TestApp};
use support::response::Response;

const PROBLEM: &str = "application/problem+json";

fn asking(request: Request<'_>) -> Response {
    request.header("Accept", PROBLEM).send()
}

/// A problem of that status, and its `detail`.
#[track_caller]
fn problem(response: &Response, status: u16) -> Value {
    response.assert_status(status);
    response.assert_header("Content-Type", PROBLEM);
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["status"], status, "{body}");
    for key in ["type", "title", "detail", "instance"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {body}");
    }
    assert_eq!(body["instance"].as_str(), response.header("X-Request-Id"), "{body}");
    body
}

#[track_caller]
fn assert_problem(response: &Response, status: u16, detail: &str) {
    let body = problem(response, status);
    assert_eq!(body["detail"], detail);
    assert!(body.get("errors").is_none(), "{body}");
}

#[test]
fn a_weak_password_is_a_problem() {
    let app = TestApp::start();
    let body = json!({"username": "ann", "email": "ann@example.com", "password": "weak"});
    let response = asking(app.post("/auth/register").bearer(&app.admin()).json(&body));
    let detail = problem(&response, 400)["detail"].clone();
    assert!(detail.as_str().unwrap().starts_with("Password must be"), "{detail}");
}

#[test]
fn missing_and_bad_credentials_are_problems_with_a_challenge() {
    let app = TestApp::start();
    let response = asking(app.get("/auth/me"));
    assert_problem(&response, 401, "Not authenticated");
    response.assert_header("WWW-Authenticate", "Bearer");
    let response = asking(app.get("/auth/me").bearer("nonsense"));
    assert_problem(&response, 401, "Could not validate credentials");
    let body = json!({"username": "admin", "password": "Wrong1!!"});
    let response = asking(app.post("/auth/login").json(&body));
    assert_problem(&response, 401, "Incorrect username or password");
}

#[test]
fn missing_rights_are_a_problem() {
    let app = TestApp::start();
    let response = asking(app.get("/auth/users").bearer(&app.user("ann")));
    assert_problem(&response, 403, "Admin privileges required");
}

#[test]
fn what_is_not_there_is_a_problem() {
    let app = TestApp::start();
    let admin = app.admin();
    for target in ["/orders/7", "/nowhere"] {
        let response = asking(app.get(target).bearer(&admin));
        assert_problem(&response, 404, "Not Found");
        assert_eq!(problem(&response, 404)["title"], "Not Found");
    }
}

#[test]
fn another_method_is_a_problem_with_the_allowed_ones() {
    let app = TestApp::start();
    let response = asking(app.get("/orders/create"));
    assert_problem(&response, 405, "Method Not Allowed");
    response.assert_header("Allow", "POST, OPTIONS");
}

#[test]
fn a_conflict_is_a_problem() {
    let app = TestApp::start();
    let response = asking(app.post("/auth/users/1/disable").bearer(&app.admin()));
    problem(&response, 409);
}

#[test]
fn a_body_of_another_type_is_a_problem() {
    let app = TestApp::start();
    let request = app.post("/auth/login").header("Content-Type", "text/plain").body("x");
    assert_problem(&asking(request), 415, "Unsupported Media Type");
}

#[test]
fn a_body_that_is_too_large_is_a_problem() {
    let app = TestApp::start();
    let body = vec![b' '; 1 << 20];
    let request = app.post("/auth/login").header("Content-Type", "application/json").body(body);
    assert_problem(&asking(request), 413, "Content Too Large");
}

#[test]
fn what_is_turned_away_before_its_body_keeps_its_id_and_tells_its_origin() {
    let app = TestApp::start();
    let body = vec![b' '; 1 << 20];
    for (target, status) in [("/auth/login", 413), ("/nowhere", 404), ("/orders/create/", 307)] {
        let request = app.post(target).header("Content-Type", "application/json");
        let request = request.header("Origin", "https://shop.example").body(body.clone());
        let response = request.header("X-Request-Id", "mine-1").send();
        response.assert_status(status);
        response.assert_header("X-Request-Id", "mine-1");
        response.assert_header("Access-Control-Allow-Origin", "*");
        response.assert_header("Cache-Control", "no-store");
    }
}

#[test]
fn invalid_values_are_errors_of_one_problem() {
    let app = TestApp::start();
    let plain = app.post("/auth/login").json(&json!({"username": 5})).send();
    plain.assert_status(422);
    let asked = asking(app.post("/auth/login").json(&json!({"username": 5})));
    let body = problem(&asked, 422);
    assert_eq!(body["errors"], plain.json()["detail"]);
    assert_eq!(body["errors"].as_array().unwrap().len(), 2);
    let query = asking(app.get("/orders/?limit=x").bearer(&app.admin()));
    assert_eq!(problem(&query, 422)["errors"][0]["loc"], json!(["query", "limit"]));
    let syntax = asking(app.post("/auth/login").body("{"));
    assert_eq!(problem(&syntax, 422)["errors"][0]["type"], "json_invalid");
}

#[test]
fn a_limit_is_a_problem_that_says_when_to_come_back() {
    let app = TestApp::limited();
    let body = json!({"username": "ann", "password": PASSWORD});
    let login = || app.post("/auth/login").from("192.0.2.1").json(&body);
    for _ in 0..5 {
        login().send().assert_status(401);
    }
    let response = asking(login());
    assert_problem(&response, 429, "Rate limit exceeded: 5 per 1 minute");
    response.assert_header("Retry-After", "12");
    assert!(response.header("RateLimit").is_some());
}

#[test]
fn a_store_that_takes_no_write_is_a_problem() {
    let app = TestApp::start();
    let admin = app.admin();
    app.app().store().close();
    let request = app.post("/orders/create").bearer(&admin).json(&json!({"success": true}));
    let response = asking(request);
    assert_problem(&response, 503, "Service Unavailable");
    assert!(response.header("Retry-After").is_some());
}

#[test]
fn a_problem_may_be_one_of_several_accepted_types() {
    let app = TestApp::start();
    for accept in ["application/json, application/problem+json", "Application/Problem+JSON;q=0.2"] {
        let response = app.get("/nowhere").header("Accept", accept).send();
        assert_problem(&response, 404, "Not Found");
    }
}

#[test]
fn everyone_else_gets_the_old_shape() {
    let app = TestApp::start();
    for accept in ["*/*", "application/*", "application/json", "application/problem+json;q=0"] {
        app.get("/nowhere").header("Accept", accept).send().assert_detail(404, "Not Found");
    }
}

#[test]
fn an_answer_that_is_no_error_stays_as_it_is() {
    let app = TestApp::start();
    let admin = app.admin();
    asking(app.get("/auth/me").bearer(&admin)).good();
    asking(app.post("/orders/create").bearer(&admin).json(&json!({"success": true}))).good();
    asking(app.get("/orders/").bearer(&admin)).good();
}

#[test]
fn a_head_tells_of_the_problem_without_it() {
    let app = TestApp::start();
    let response = asking(app.request("HEAD", "/nowhere"));
    response.assert_status(404);
    response.assert_header("Content-Type", PROBLEM);
    assert!(response.body.is_empty());
}
