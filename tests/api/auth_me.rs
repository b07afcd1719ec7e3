use serde_json::json;

use support::app::TestApp;

#[test]
fn it_answers_the_caller() {
    let app = TestApp::start();
    let token = app.user("ann");
    let ann = json!({
        "id": 2, "username": "ann", "email": "ann@example.com", "role": "user",
        "created_at": "2025-10-07T05:58:11",
    });
    let response = app.me(&token);
    response.assert_json(200, &ann);
    let expected = "{\"id\":2,\"username\":\"ann\",\"email\":\"ann@example.com\",\
                    \"role\":\"user\",\"created_at\":\"2025-10-07T05:58:11\"}";
    assert_eq!(response.text(), expected);
}

#[test]
fn nobody_is_told_to_authenticate() {
    let app = TestApp::start();
    app.get("/auth/me").send().assert_detail(401, "Not authenticated");
    for credentials in ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "bearer", "Bearerx y"] {
        let response = app.get("/auth/me").header("Authorization", credentials).send();
        response.assert_detail(401, "Not authenticated");
    }
}

#[test]
fn the_scheme_is_written_in_any_case() {
    let app = TestApp::start();
    let token = app.admin();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = app.get("/auth/me").header("Authorization", &format!("{scheme} {token}"));
        request.send().good();
    }
}

#[test]
fn a_bad_token_is_refused_as_such() {
    let app = TestApp::start();
    for token in ["x", "a.b.c", "...", "\"", &"x".repeat(8000)] {
        app.me(token).assert_detail(401, "Could not validate credentials");
    }
}

#[test]
fn a_body_is_of_no_interest() {
    let app = TestApp::start();
    let request = app.get("/auth/me").bearer(&app.admin()).body("{not json");
    request.send().good();
}
