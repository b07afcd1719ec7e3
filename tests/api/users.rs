use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};
use support::response::Response;

const GONE: &str = "Could not validate credentials";
const WRONG: &str = "Incorrect username or password";
const NEW: &str = "Fresh-pa55";

fn post(app: &TestApp, token: &str, target: &str) -> Response {
    app.post(target).bearer(token).send()
}

fn set_password(app: &TestApp, token: &str, id: u64, password: &str) -> Response {
    let request = app.post(&format!("/auth/users/{id}/password")).bearer(token);
    request.json(&json!({ "new_password": password })).send()
}

/// A second admin, of id 2, and its token.
fn second_admin(app: &TestApp) -> String {
    let body = json!({
        "username": "zoe", "email": "zoe@example.com", "password": PASSWORD, "role": "admin",
    });
    app.register(&app.admin(), &body).good();
    app.token("zoe", PASSWORD)
}

fn account(id: u64, name: &str, role: &str, disabled: bool) -> Value {
    json!({
        "id": id, "username": name, "email": format!("{name}@example.com"), "role": role,
        "created_at": "2025-10-07T05:58:11", "disabled": disabled,
    })
}

#[test]
fn the_list_has_every_user_by_id() {
    let app = TestApp::start();
    app.user("ben");
    app.user("ann");
    let users = [
        account(1, "admin", "admin", false),
        account(2, "ben", "user", false),
        account(3, "ann", "user", false),
    ];
    let expected = json!({"users": users, "next": null});
    app.read(&app.admin(), "/auth/users").assert_json(200, &expected);
}

#[test]
fn no_password_and_no_hash_is_in_the_list() {
    let app = TestApp::start();
    let text = app.read(&app.admin(), "/auth/users").text();
    assert!(!text.contains("password") && !text.contains("scrypt"), "{text}");
}

#[test]
fn pages_of_users_give_each_one_once() {
    let app = TestApp::start();
    for name in ["ann", "ben", "cleo", "dan"] {
        app.user(name);
    }
    let admin = app.admin();
    for limit in [1, 2, 5, 1000] {
        let mut ids = Vec::new();
        let mut after = String::new();
        loop {
            let page = app.read(&admin, &format!("/auth/users?limit={limit}{after}")).good();
            let users = page["users"].as_array().unwrap();
            assert!(!users.is_empty() && users.len() <= limit, "{page}");
            ids.extend(users.iter().map(|user| user["id"].as_u64().unwrap()));
            assert_eq!(page.as_object().unwrap().len(), 2, "{page}");
            if page["next"].is_null() {
                break;
            }
            assert_eq!(page["next"].as_u64(), ids.last().copied());
            after = format!("&after={}", page["next"]);
        }
        assert_eq!(ids, [1, 2, 3, 4, 5], "by {limit}");
    }
    let past = app.read(&admin, "/auth/users?after=5");
    past.assert_json(200, &json!({"users": [], "next": null}));
}

#[test]
fn a_parameter_of_the_user_list_that_makes_no_sense_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for (query, name, input) in [
        ("limit=0", "limit", "0"),
        ("limit=1001", "limit", "1001"),
        ("limit=x", "limit", "x"),
        ("after=0", "after", "0"),
        ("after=", "after", ""),
        ("after=9223372036854775808", "after", "9223372036854775808"),
        ("limit=1&limit=2", "limit", "2"),
        ("role=admin", "role", "admin"),
    ] {
        let response = app.read(&admin, &format!("/auth/users?{query}"));
        response.assert_bad_parameter(name, input);
    }
}

#[test]
fn only_an_admin_sees_and_changes_users() {
    let app = TestApp::start();
    let ann = app.user("ann");
    app.read(&ann, "/auth/users?limit=x").assert_detail(403, "Admin privileges required");
    for path in ["disable", "enable"] {
        let target = format!("/auth/users/2/{path}");
        post(&app, &ann, &target).assert_detail(403, "Admin privileges required");
        app.post(&target).send().assert_detail(401, "Not authenticated");
    }
    set_password(&app, &ann, 2, NEW).assert_detail(403, "Admin privileges required");
    app.get("/auth/users").send().assert_detail(401, "Not authenticated");
    app.me(&ann).good();
}

#[test]
fn a_disabled_user_is_kept_out_at_once() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    let other = app.token("ann", PASSWORD);
    let disabled = post(&app, &admin, "/auth/users/2/disable");
    disabled.assert_json(200, &account(2, "ann", "user", true));
    for token in [&ann, &other] {
        app.me(token).assert_detail(401, GONE);
        app.create_order(token, &json!({"success": true})).assert_detail(401, GONE);
    }
    let (right, wrong) = (app.login("ann", PASSWORD), app.login("ann", "Wrong1!!"));
    right.assert_detail(401, WRONG);
    assert_eq!(right.text(), wrong.text());
    let list = app.read(&admin, "/auth/users").good();
    assert_eq!(list["users"][1], account(2, "ann", "user", true));
}

#[test]
fn a_user_who_is_enabled_again_logs_in_anew() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    post(&app, &admin, "/auth/users/2/disable").good();
    let enabled = post(&app, &admin, "/auth/users/2/enable");
    enabled.assert_json(200, &account(2, "ann", "user", false));
    app.me(&ann).assert_detail(401, GONE);
    app.me(&app.token("ann", PASSWORD)).good();
}

#[test]
fn what_is_so_already_is_no_fault_and_ends_no_token() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    post(&app, &admin, "/auth/users/2/enable").good();
    app.me(&ann).good();
    for _ in 0..2 {
        assert_eq!(post(&app, &admin, "/auth/users/2/disable").good()["disabled"], true);
    }
}

#[test]
fn a_user_stays_disabled_after_a_restart() {
    let mut app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    post(&app, &admin, "/auth/users/2/disable").good();
    app.restart();
    app.me(&ann).assert_detail(401, GONE);
    app.login("ann", PASSWORD).assert_detail(401, WRONG);
}

#[test]
fn a_disabled_user_s_orders_and_name_stay() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    let order = app.create_order(&ann, &json!({"success": true})).good();
    post(&app, &admin, "/auth/users/2/disable").good();
    assert_eq!(app.orders(&admin).good()["orders"], json!([order]));
    let body = json!({"username": "Ann", "email": "other@example.com", "password": PASSWORD});
    app.register(&admin, &body).assert_detail(400, "Username already registered");
}

#[test]
fn the_last_enabled_admin_can_not_be_disabled() {
    let app = TestApp::start();
    let (admin, zoe) = (app.admin(), second_admin(&app));
    post(&app, &admin, "/auth/users/2/disable").good();
    let refused = post(&app, &admin, "/auth/users/1/disable");
    refused.assert_status(409);
    let why = refused.json()["detail"].clone();
    assert!(why.as_str().is_some_and(|why| !why.is_empty()), "{why}");
    app.me(&admin).good();
    app.login("admin", ADMIN_PASSWORD).good();
    app.me(&zoe).assert_detail(401, GONE);
    post(&app, &admin, "/auth/users/2/enable").good();
    post(&app, &admin, "/auth/users/1/disable").good();
    app.me(&admin).assert_detail(401, GONE);
    let zoe = app.token("zoe", PASSWORD);
    post(&app, &zoe, "/auth/users/2/disable").assert_status(409);
}

#[test]
fn two_admins_who_disable_each_other_at_once_leave_one() {
    let app = TestApp::start();
    let (admin, zoe) = (app.admin(), second_admin(&app));
    let disable = |token: &str, id: u64| {
        let mut client = app.connect();
        client.send(format!(
            "POST /auth/users/{id}/disable HTTP/1.1\r\nHost: shop\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        ));
        client
    };
    let both = [disable(&admin, 2), disable(&zoe, 1)];
    let answers = both.map(|mut client| client.read().status);
    let disabled = answers.iter().filter(|status| **status == 200).count();
    // The loser is refused, or is out already when the request is looked at.
    assert_eq!(disabled, 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 401, 409].contains(status)), "{answers:?}");
}

#[test]
fn an_id_of_nobody_is_not_found_and_one_that_is_none_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for path in ["disable", "enable"] {
        post(&app, &admin, &format!("/auth/users/7/{path}")).assert_detail(404, "Not Found");
        for (id, kind) in [
            ("x", "int_parsing"),
            ("0", "greater_than_equal"),
            ("9223372036854775808", "less_than_equal"),
        ] {
            let response = post(&app, &admin, &format!("/auth/users/{id}/{path}"));
            response.assert_status(422);
            let fault = response.json()["detail"][0].clone();
            assert_eq!(
                (&fault["type"], &fault["loc"]),
                (&kind.into(), &json!(["path", "user_id"]))
            );
        }
    }
    set_password(&app, &admin, 7, NEW).assert_detail(404, "Not Found");
}

#[test]
fn only_post_changes_a_user() {
    let app = TestApp::start();
    for path in ["disable", "enable", "password"] {
        let response = app.read(&app.admin(), &format!("/auth/users/1/{path}"));
        response.assert_detail(405, "Method Not Allowed");
        response.assert_header("Allow", "POST, OPTIONS");
    }
}

#[test]
fn an_admin_gives_a_user_another_password_and_ends_the_tokens() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    let response = set_password(&app, &admin, 2, NEW);
    response.assert_status(204);
    response.assert_no_header("Content-Length");
    app.me(&ann).assert_detail(401, GONE);
    app.login("ann", PASSWORD).assert_detail(401, WRONG);
    app.me(&app.token("ann", NEW)).good();
    app.me(&admin).good();
}

#[test]
fn another_password_lets_no_disabled_user_in() {
    let app = TestApp::start();
    app.user("ann");
    let admin = app.admin();
    post(&app, &admin, "/auth/users/2/disable").good();
    set_password(&app, &admin, 2, NEW).assert_status(204);
    app.login("ann", NEW).assert_detail(401, WRONG);
}

#[test]
fn a_password_that_an_admin_gives_meets_the_policy() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    for weak in ["", "Short1!", "nouppercase1!", "NoSpecial11"] {
        let response = set_password(&app, &admin, 2, weak);
        response.assert_status(400);
        assert!(response.text().contains("Password must be at least 8"), "{}", response.text());
    }
    for body in [json!({}), json!({"new_password": 5}), json!([])] {
        let target = "/auth/users/2/password";
        app.post(target).bearer(&admin).json(&body).send().assert_status(422);
    }
    app.me(&ann).good();
    app.login("ann", PASSWORD).good();
}
