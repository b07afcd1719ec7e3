use serde_json::{Value, json};

use support::app::TestApp;

fn fault(kind: &str, message: &str, input: Value) -> Value {
    json!({"type": kind, "loc": ["body", "success"], "msg": message, "input": input})
}

#[test]
fn an_order_is_placed_whether_it_succeeded_or_failed() {
    let app = TestApp::start();
    let token = app.user("ann");
    for (id, success) in [(1, true), (2, false)] {
        app.advance_secs(1);
        let response = app.create_order(&token, &json!({ "success": success }));
        let created_at = format!("2025-10-07T05:58:{}", 11 + id);
        let order = json!({
            "id": id, "user_id": 2, "success": success, "created_at": created_at,
        });
        response.assert_json(200, &order);
        let expected = format!(
            "{{\"id\":{id},\"user_id\":2,\"success\":{success},\"created_at\":\"{created_at}\"}}"
        );
        assert_eq!(response.text(), expected);
    }
}

#[test]
fn an_order_is_listed_once_it_is_acknowledged() {
    let app = TestApp::start();
    let token = app.admin();
    let order = app.create_order(&token, &json!({"success": true})).good();
    assert_eq!(app.orders(&token).good(), json!({ "orders": [order] }));
}

#[test]
fn an_order_and_its_mail_are_there_together() {
    let app = TestApp::start();
    let token = app.admin();
    for success in [true, false] {
        app.create_order(&token, &json!({ "success": success })).good();
    }
    app.create_order(&token, &json!({"success": "maybe"})).assert_status(422);
    let counts = app.app().store().read().unwrap().counts().unwrap();
    let mails = counts.mails_pending + counts.mails_sent + counts.mails_dead;
    assert_eq!((counts.orders, mails), (2, 2));
}

#[test]
fn nobody_places_no_order() {
    let app = TestApp::start();
    let body = json!({"success": true});
    app.post("/orders/create").json(&body).send().assert_detail(401, "Not authenticated");
    app.create_order("nonsense", &body).assert_detail(401, "Could not validate credentials");
    assert_eq!(app.orders(&app.admin()).good(), json!({"orders": []}));
}

#[test]
fn what_reads_as_true_or_false_is_taken() {
    let app = TestApp::start();
    let token = app.admin();
    let yes = [
        "true", "1", "1.0", "\"true\"", "\"True\"", "\"t\"", "\"YES\"", "\"y\"", "\"oN\"", "\"1\"",
    ];
    let no = [
        "false",
        "0",
        "0.0",
        "\"false\"",
        "\"FALSE\"",
        "\"F\"",
        "\"no\"",
        "\"n\"",
        "\"off\"",
        "\"0\"",
    ];
    for (texts, expected) in [(yes, true), (no, false)] {
        for text in texts {
            let request = app.post("/orders/create").bearer(&token);
            let order = request.body(format!("{{\"success\":{text}}}")).send().good();
            assert_eq!(order["success"], expected, "{text}");
        }
    }
}

#[test]
fn a_value_that_can_not_be_read_as_a_boolean_is_refused() {
    let app = TestApp::start();
    let token = app.admin();
    for value in
        [json!("maybe"), json!(""), json!(2), json!(-1), json!("1.0"), json!(" true"), json!(2.0)]
    {
        let expected = fault(
            "bool_parsing",
            "Input should be a valid boolean, unable to interpret input",
            value.clone(),
        );
        app.create_order(&token, &json!({ "success": value })).assert_invalid(&[expected]);
    }
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let app = TestApp::start();
    let token = app.admin();
    for value in [json!(null), json!(1.5), json!([]), json!([true]), json!({}), json!({"a": 1})] {
        let expected = fault("bool_type", "Input should be a valid boolean", value.clone());
        app.create_order(&token, &json!({ "success": value })).assert_invalid(&[expected]);
    }
}

#[test]
fn the_field_is_required() {
    let app = TestApp::start();
    let body = json!({"Success": true});
    let expected = fault("missing", "Field required", body.clone());
    app.create_order(&app.admin(), &body).assert_invalid(&[expected]);
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    let app = TestApp::start();
    let request = app.post("/orders/create").bearer(&app.admin());
    let order = request.body("{\"success\":\"maybe\",\"success\":false}").send().good();
    assert_eq!(order["success"], false);
}

#[test]
fn a_refused_order_leaves_no_trace() {
    let app = TestApp::start();
    let token = app.admin();
    app.create_order(&token, &json!({"success": 2})).assert_status(422);
    assert_eq!(app.orders(&token).good(), json!({"orders": []}));
    assert_eq!(app.create_order(&token, &json!({"success": true})).good()["id"], 1);
}

#[test]
fn ids_rise_across_users_and_restarts() {
    let mut app = TestApp::start();
    let body = json!({"success": true});
    let (ann, ben) = (app.user("ann"), app.user("ben"));
    assert_eq!(app.create_order(&ann, &body).good()["id"], 1);
    assert_eq!(app.create_order(&ben, &body).good()["id"], 2);
    app.restart();
    let order = app.create_order(&ann, &body).good();
    assert!(order["id"].as_u64().unwrap() >= 3, "{order}");
    assert_eq!(app.orders(&ann).good()["orders"].as_array().unwrap().len(), 2);
}
