//! One user looked at, changed and searched for, by admins.

use serde_json::{Value, json};

use support::app::{PASSWORD, TestApp};
use support::response::Response;

const GONE: &str = "Could not validate credentials";

fn update(app: &TestApp, token: &str, id: u64, body: &Value) -> Response {
    app.post(&format!("/auth/users/{id}/update")).bearer(token).json(body).send()
}

fn account(id: u64, name: &str, email: &str, role: &str) -> Value {
    json!({
        "id": id, "username": name, "email": email, "role": role,
        "created_at": "2025-10-07T05:58:11", "disabled": false,
    })
}

#[track_caller]
fn assert_sound(app: &TestApp) {
    let check = app.app().store().check().unwrap();
    assert!(check.is_sound(), "{check:?}");
}

#[test]
fn one_user_is_seen_by_an_admin_and_no_one_else() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    let expected = account(2, "ann", "ann@example.com", "user");
    app.read(&admin, "/auth/users/2").assert_json(200, &expected);
    app.read(&ann, "/auth/users/2").assert_detail(403, "Admin privileges required");
    app.read(&admin, "/auth/users/3").assert_detail(404, "Not Found");
    app.read(&admin, "/auth/users/x").assert_status(422);
}

#[test]
fn what_is_absent_stays_and_an_address_alone_ends_no_token() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    let same = account(2, "ann", "ann@example.com", "user");
    update(&app, &admin, 2, &json!({})).assert_json(200, &same);
    update(&app, &admin, 2, &json!({"username": "ann", "role": "user"})).assert_json(200, &same);
    let moved = update(&app, &admin, 2, &json!({"email": " Ann@Shop.Example "}));
    moved.assert_json(200, &account(2, "ann", "Ann@shop.example", "user"));
    app.me(&ann).good();
    let body = json!({"username": "ben", "email": "ann@example.com", "password": PASSWORD});
    app.register(&admin, &body).good();
    assert_sound(&app);
}

#[test]
fn another_name_ends_the_tokens_and_frees_the_old_one() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    update(&app, &admin, 2, &json!({"username": "Anna"})).good();
    app.me(&ann).assert_detail(401, GONE);
    app.login("ann", PASSWORD).assert_status(401);
    app.me(&app.token("anna", PASSWORD)).good();
    // The same name in other letters is another spelling, which the tokens name.
    let anna = app.token("anna", PASSWORD);
    assert_eq!(update(&app, &admin, 2, &json!({"username": "ANNA"})).good()["username"], "ANNA");
    app.me(&anna).assert_detail(401, GONE);
    let body = json!({"username": "ann", "email": "another@example.com", "password": PASSWORD});
    app.register(&admin, &body).good();
    assert_sound(&app);
}

#[test]
fn a_role_counts_at_once_and_ends_the_tokens() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    assert_eq!(update(&app, &admin, 2, &json!({"role": "admin"})).good()["role"], "admin");
    app.me(&ann).assert_detail(401, GONE);
    let ann = app.token("ann", PASSWORD);
    app.read(&ann, "/auth/users").good();
    assert_eq!(update(&app, &ann, 1, &json!({"role": "user"})).good()["role"], "user");
    app.me(&admin).assert_detail(401, GONE);
}

#[test]
fn the_last_enabled_admin_keeps_its_role_and_may_have_another_name() {
    let app = TestApp::start();
    app.user("ann");
    let admin = app.admin();
    update(&app, &admin, 2, &json!({"role": "admin"})).good();
    app.post("/auth/users/2/disable").bearer(&admin).send().good();
    let refused = update(&app, &admin, 1, &json!({"role": "user", "username": "boss"}));
    refused.assert_detail(409, "The last enabled admin keeps its role");
    app.me(&admin).good();
    // One that is disabled is not the last enabled one.
    assert_eq!(update(&app, &admin, 2, &json!({"role": "user"})).good()["role"], "user");
    assert_eq!(update(&app, &admin, 1, &json!({"username": "boss"})).good()["role"], "admin");
}

#[test]
fn what_is_another_s_is_refused_and_changes_nothing() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    app.user("ben");
    let taken = update(&app, &admin, 2, &json!({"username": "BEN", "role": "admin"}));
    taken.assert_detail(400, "Username already registered");
    let taken = update(&app, &admin, 2, &json!({"email": "Ben@example.com", "username": "x"}));
    taken.assert_detail(400, "Email already registered");
    let seen = app.read(&admin, "/auth/users/2");
    seen.assert_json(200, &account(2, "ann", "ann@example.com", "user"));
    app.me(&ann).good();
    update(&app, &admin, 9, &json!({"role": "user"})).assert_detail(404, "Not Found");
}

#[test]
fn all_faults_of_a_change_are_told_at_once() {
    let app = TestApp::start();
    let admin = app.admin();
    let response =
        update(&app, &admin, 1, &json!({"username": " ", "role": null, "email": "nobody"}));
    response.assert_status(422);
    let faults = response.json()["detail"].clone();
    let fields: Vec<_> = faults.as_array().unwrap().iter().map(|it| it["loc"][1].clone()).collect();
    assert_eq!(fields, ["email", "role", "username"]);
    app.post("/auth/users/1/update").bearer(&admin).send().assert_status(422);
}

#[track_caller]
fn found(app: &TestApp, query: &str) -> Vec<u64> {
    let page = app.read(&app.admin(), &format!("/auth/users?{query}")).good();
    page["users"].as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap()).collect()
}

#[test]
fn users_are_found_by_how_their_name_or_address_begins() {
    let app = TestApp::start();
    let admin = app.admin();
    for (name, email) in [
        ("Ann", "zoe@shop.example"),
        ("Åsa", "asa@shop.example"),
        ("zoe", "ann@other.example"),
        ("joann", "x@other.example"),
    ] {
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        app.register(&admin, &body).good();
    }
    for (query, ids) in [
        ("q=an", &[2, 4][..]),
        ("q=ANN", &[2, 4]),
        ("q=ann%40", &[4]),
        ("q=Z", &[2, 4]),
        ("q=%C3%A5S", &[3]),
        ("q=joann", &[5]),
        ("q=nobody", &[]),
        ("q=an&after=2", &[4]),
        ("q=an&limit=1", &[2]),
    ] {
        assert_eq!(found(&app, query), ids, "{query}");
    }
    let page = app.read(&admin, "/auth/users?q=z&limit=1").good();
    assert_eq!(page["next"], 2);
    update(&app, &admin, 2, &json!({"username": "Bea", "email": "bea@shop.example"})).good();
    assert_eq!(found(&app, "q=an"), [4]);
    assert_eq!(found(&app, "q=be"), [2]);
    let long = "x".repeat(255);
    for (query, input) in [("q=", ""), (&*format!("q={long}"), &*long)] {
        app.read(&admin, &format!("/auth/users?{query}")).assert_bad_parameter("q", input);
    }
}
