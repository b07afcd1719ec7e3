use std::thread;

use orderd::domain::{MessageId, Outcome, UserId};
use orderd::store::{PAGE_ROWS, PlaceOrder};
use serde_json::{Value, json};

use support::app::TestApp;

/// Places `count` orders from several threads, so that they share commits.
pub fn seed(app: &TestApp, user: u64, count: usize) {
    // Fewer than the app lets write at once, the mail sender included, so that none is refused
    // on a slow disk.
    const THREADS: usize = 6;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = app.app().store();
            scope.spawn(move || {
                for number in (thread..count).step_by(THREADS) {
                    let outcome = Outcome::from_success(number.is_multiple_of(2));
                    let message_id = MessageId(format!("{number}@orders.test"));
                    let place = PlaceOrder::simple(UserId(user), outcome, message_id, app_time());
                    store.write(place).unwrap();
                }
            });
        }
    });
}

fn app_time() -> orderd::clock::Timestamp {
    orderd::clock::Timestamp::from_secs(support::app::START_SECS)
}

fn ids(list: &Value) -> Vec<u64> {
    let orders = list["orders"].as_array().expect("a list");
    orders.iter().map(|order| order["id"].as_u64().expect("an id")).collect()
}

#[test]
fn without_orders_the_list_is_empty() {
    let app = TestApp::start();
    let response = app.orders(&app.admin());
    response.assert_json(200, &json!({"orders": []}));
}

#[test]
fn a_user_sees_their_own_and_an_admin_all_of_them_oldest_first() {
    let app = TestApp::start();
    let (admin, ann, ben) = (app.admin(), app.user("ann"), app.user("ben"));
    for (token, success) in [(&ann, true), (&ben, false), (&admin, true), (&ann, false)] {
        app.create_order(token, &json!({ "success": success })).good();
        app.advance_secs(1);
    }
    let order = |id: u64, user: u64, success: bool| {
        let at = format!("2025-10-07T05:58:{}", 10 + id);
        json!({"id": id, "user_id": user, "success": success, "created_at": at})
    };
    let (first, second) = (order(1, 2, true), order(2, 3, false));
    let (third, fourth) = (order(3, 1, true), order(4, 2, false));
    app.orders(&ann).assert_json(200, &json!({"orders": [first, fourth]}));
    app.orders(&ben).assert_json(200, &json!({"orders": [second]}));
    app.orders(&admin).assert_json(200, &json!({"orders": [first, second, third, fourth]}));
}

#[test]
fn nobody_sees_nothing() {
    let app = TestApp::start();
    app.get("/orders/").send().assert_detail(401, "Not authenticated");
    app.orders("nonsense").assert_detail(401, "Could not validate credentials");
}

#[test]
fn a_list_of_one_page_exactly_comes_whole() {
    let app = TestApp::start();
    seed(&app, 1, PAGE_ROWS);
    let list = app.orders(&app.admin()).good();
    assert_eq!(ids(&list), (1..=PAGE_ROWS as u64).collect::<Vec<_>>());
}

#[test]
fn a_list_of_several_pages_comes_whole_and_in_order() {
    let app = TestApp::start();
    let (ann, admin) = (app.user("ann"), app.admin());
    seed(&app, 2, 2_500);
    seed(&app, 1, 10);
    let all = ids(&app.orders(&admin).good());
    assert_eq!(all, (1..=2_510).collect::<Vec<_>>());
    assert_eq!(ids(&app.orders(&ann).good()), (1..=2_500).collect::<Vec<_>>());
    app.me(&ann).good();
}

#[test]
fn a_long_list_ends_with_the_connection_for_an_old_client() {
    let app = TestApp::start();
    seed(&app, 1, 1_200);
    let token = app.admin();
    let mut client = app.connect();
    client.send(format!("GET /orders/ HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n"));
    let bytes = client.read_to_close();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(ids(&serde_json::from_str(body).unwrap()).len(), 1_200);
}

#[test]
fn the_head_of_a_long_list_has_no_body() {
    let app = TestApp::start();
    seed(&app, 1, 1_200);
    let token = app.admin();
    let mut client = app.connect();
    for _ in 0..2 {
        client.send(format!(
            "HEAD /orders/ HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\r\n"
        ));
        client.read_head().assert_status(200);
    }
}

#[test]
fn a_list_is_the_same_after_a_restart() {
    let mut app = TestApp::start();
    let token = app.user("ann");
    for success in [true, false] {
        app.create_order(&token, &json!({ "success": success })).good();
    }
    let before = app.orders(&token).good();
    app.restart();
    assert_eq!(app.orders(&token).good(), before);
}

#[test]
fn a_parameter_that_is_no_integer_in_its_bounds_is_refused() {
    let app = TestApp::start();
    let token = app.admin();
    let fault = |kind: &str, name: &str, message: &str, input: &str| json!({"type": kind, "loc": ["query", name], "msg": message, "input": input});
    let unreadable = "Input should be a valid integer, unable to parse string as an integer";
    for (target, expected) in [
        ("/orders/?limit=x", fault("int_parsing", "limit", unreadable, "x")),
        ("/orders/?limit=", fault("int_parsing", "limit", unreadable, "")),
        ("/orders/?after=1.5", fault("int_parsing", "after", unreadable, "1.5")),
    ] {
        app.get(target).bearer(&token).send().assert_invalid(&[expected]);
    }
    let mut below =
        fault("greater_than_equal", "limit", "Input should be greater than or equal to 1", "0");
    below["ctx"] = json!({"ge": 1});
    app.get("/orders/?limit=0").bearer(&token).send().assert_invalid(&[below]);
    let message = "Input should be less than or equal to 1000";
    let mut above = fault("less_than_equal", "limit", message, "1001");
    above["ctx"] = json!({"le": 1000});
    app.get("/orders/?limit=1001").bearer(&token).send().assert_invalid(&[above]);
}

#[test]
fn a_parameter_that_the_list_does_not_know_is_no_silently_ignored_filter() {
    let app = TestApp::start();
    let token = app.admin();
    app.get("/orders/?colour=red").bearer(&token).send().assert_status(422);
    app.get("/orders/?limit=1&limit=2").bearer(&token).send().assert_status(422);
    for target in ["/auth/me?colour=red", "/health?limit=x&limit=y", "/?%20=&x"] {
        app.get(target).bearer(&token).send().good();
    }
}
