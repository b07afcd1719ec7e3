use serde_json::{Value, json};

use support::app::TestApp;

fn fault(kind: &str, message: &str, input: &str) -> Value {
    json!({"type": kind, "loc": ["path", "order_id"], "msg": message, "input": input})
}

#[test]
fn an_order_is_read_by_its_user_and_by_an_admin() {
    let app = TestApp::start();
    let (ann, ben, admin) = (app.user("ann"), app.user("ben"), app.admin());
    let order = app.create_order(&ann, &json!({"success": true})).good();
    for token in [&ann, &admin] {
        app.get("/orders/1").bearer(token).send().assert_json(200, &order);
    }
    app.get("/orders/1").bearer(&ben).send().assert_detail(404, "Not Found");
    app.get("/orders/2").bearer(&admin).send().assert_detail(404, "Not Found");
    app.get("/orders/1").send().assert_detail(401, "Not authenticated");
}

#[test]
fn an_id_that_is_no_number_is_refused() {
    let app = TestApp::start();
    let token = app.admin();
    let message = "Input should be a valid integer, unable to parse string as an integer";
    for id in ["x", "1.5", "+1", "0x1", "1_000", "\u{661}"] {
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let response = app.get(&format!("/orders/{encoded}")).bearer(&token).send();
        response.assert_invalid(&[fault("int_parsing", message, id)]);
    }
}

#[test]
fn an_id_is_at_least_one() {
    let app = TestApp::start();
    let mut expected =
        fault("greater_than_equal", "Input should be greater than or equal to 1", "0");
    expected["ctx"] = json!({"ge": 1});
    let response = app.get("/orders/0").bearer(&app.admin()).send();
    response.assert_invalid(&[expected]);
}

#[test]
fn an_id_is_at_most_two_to_the_63rd_less_one() {
    let app = TestApp::start();
    let token = app.admin();
    let get = |id: &str| app.get(&format!("/orders/{id}")).bearer(&token).send();
    get("9223372036854775807").assert_detail(404, "Not Found");
    for id in ["9223372036854775808", "99999999999999999999999999"] {
        let response = get(id);
        let message = "Input should be less than or equal to 9223372036854775807";
        let mut expected = fault("less_than_equal", message, id);
        expected["ctx"] = json!({"le": 9_223_372_036_854_775_807_u64});
        response.assert_invalid(&[expected]);
    }
}

#[test]
fn a_literal_path_wins_over_an_id() {
    let app = TestApp::start();
    let response = app.get("/orders/create").send();
    response.assert_detail(405, "Method Not Allowed");
    response.assert_header("Allow", "POST, OPTIONS");
}

#[test]
fn a_last_slash_behind_an_id_is_redirected() {
    let app = TestApp::start();
    let response = app.get("/orders/7/").send();
    response.assert_status(307);
    response.assert_header("Location", "../7");
}

#[test]
fn parameters_behind_an_id_are_ignored() {
    let app = TestApp::start();
    let admin = app.admin();
    let order = app.create_order(&admin, &json!({"success": false})).good();
    for query in ["limit=x", "user_id=2&user_id=3", "success"] {
        app.read(&admin, &format!("/orders/1?{query}")).assert_json(200, &order);
    }
}

#[test]
fn the_head_of_an_order_has_no_body() {
    let app = TestApp::start();
    let admin = app.admin();
    app.create_order(&admin, &json!({"success": true})).good();
    let head = |target: &str| app.request("HEAD", target).bearer(&admin).send();
    head("/orders/1").assert_status(200);
    head("/orders/2").assert_status(404);
}

#[test]
fn another_s_order_looks_like_one_that_is_not_there() {
    let app = TestApp::start();
    let (ann, ben) = (app.user("ann"), app.user("ben"));
    app.create_order(&ann, &json!({"success": true})).good();
    let (others, nobodys) = (app.read(&ben, "/orders/1"), app.read(&ben, "/orders/2"));
    assert_eq!((others.status, others.text()), (nobodys.status, nobodys.text()));
}

#[test]
fn an_order_is_the_same_after_a_restart() {
    let mut app = TestApp::start();
    let ann = app.user("ann");
    let order = app.create_order(&ann, &json!({"success": false})).good();
    app.restart();
    app.read(&ann, "/orders/1").assert_json(200, &order);
}
