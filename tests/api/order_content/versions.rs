//! `ETag`, and `If-Match` in all its forms.

use serde_json::{Value, json};

use support::response::Response;

use super::shop::{Post, Shop, assert_fault_at, payment, pizza, refund};

const SHOP: &str = "https://shop.example";

fn update_if(shop: &Shop, id: u64, condition: &str, note: &str) -> Response {
    let request = shop.changing(&shop.ann, id, "update", &json!({ "note": note }));
    request.header("If-Match", condition).send()
}

#[test]
fn every_answer_for_one_order_carries_its_version_as_a_tag() {
    let shop = Shop::open();
    shop.create(&shop.ann, &pizza()).assert_header("ETag", "\"1\"");
    let read = |version: u64| {
        let tag = format!("\"{version}\"");
        for token in [&shop.ann, &shop.admin] {
            shop.app.read(token, "/orders/1").assert_header("ETag", &tag);
            let head = shop.app.request("HEAD", "/orders/1").bearer(token).send();
            head.assert_header("ETag", &tag);
        }
    };
    read(1);
    let changes = [
        ("update", json!({"note": "x"})),
        ("payments", payment(900)),
        ("refunds", refund(100)),
        ("status", json!({"status": "ready"})),
    ];
    for (version, (change, body)) in (2..).zip(changes) {
        let response = shop.change(&shop.admin, 1, change, &body);
        response.good();
        response.assert_header("ETag", &format!("\"{version}\""));
        read(version);
    }
}

#[test]
fn a_change_with_the_present_version_or_a_star_is_made() {
    let shop = Shop::open();
    for (number, condition) in (0..).zip([
        "\"1\"",
        "*",
        " \"1\" ",
        "\"1\", \"7\"",
        "\"7\",\"1\"",
        "\"7\" , W/\"1\", \"abc\"",
        "W/\"1\"",
        "\"1-gzip\"",
        "W/\"1-gzip\"",
    ]) {
        let id = shop.pizza();
        let response = update_if(&shop, id, condition, &number.to_string());
        response.assert_status(200);
        response.assert_header("ETag", "\"2\"");
    }
}

#[test]
fn a_change_with_another_version_is_not_made() {
    let shop = Shop::open();
    let id = shop.pizza();
    for condition in [
        "\"2\"",
        "\"0\"",
        "\"01\"",
        "\"11\"",
        "\"\"",
        "\"abc\"",
        "W/\"2\"",
        "\"2-gzip\"",
        "\"2\", \"3\"",
        "\"-1\"",
        "\"99999999999999999999999999\"",
        "\"*\"",
    ] {
        let response = update_if(&shop, id, condition, "never");
        response.assert_detail(412, "Precondition Failed");
    }
    let order = shop.order(&shop.ann, id);
    assert_eq!((&order["version"], &order["note"]), (&json!(1), &Value::Null));
}

#[test]
fn what_is_no_tag_is_refused() {
    let shop = Shop::open();
    let id = shop.pizza();
    for condition in [
        "1",
        "garbage",
        "\"1",
        "1\"",
        "'1'",
        "W/1",
        "w/\"1\"",
        "\"1\" \"2\"",
        "\"1\", 2",
        "\"1\",, x",
        "**",
        "W/",
        "\"a\"b\"",
    ] {
        update_if(&shop, id, condition, "never").assert_detail(400, "Bad Request");
    }
    assert_eq!(shop.order(&shop.ann, id)["version"], 1);
}

#[test]
fn the_condition_holds_on_all_four_changes() {
    let shop = Shop::open();
    let id = shop.pizza();
    let changes = [
        ("update", json!({"note": "x"})),
        ("payments", payment(900)),
        ("refunds", refund(100)),
        ("status", json!({"status": "ready"})),
    ];
    for (version, (change, body)) in (1..).zip(changes) {
        let send = |condition: &str| {
            let request = shop.changing(&shop.admin, id, change, &body);
            request.header("If-Match", condition).send()
        };
        send(&format!("\"{}\"", version + 1)).assert_detail(412, "Precondition Failed");
        send("garbage").assert_detail(400, "Bad Request");
        assert_eq!(shop.order(&shop.admin, id)["version"], version);
        assert_eq!(send(&format!("\"{version}\"")).good()["version"], version + 1);
    }
}

#[test]
fn an_update_that_changes_nothing_still_has_its_condition() {
    let shop = Shop::open();
    let id = shop.pizza();
    let request = shop.changing(&shop.ann, id, "update", &json!({})).header("If-Match", "\"2\"");
    request.send().assert_detail(412, "Precondition Failed");
    let request = shop.changing(&shop.ann, id, "update", &json!({})).header("If-Match", "\"1\"");
    assert_eq!(request.send().good()["version"], 1);
}

#[test]
fn of_many_at_once_that_saw_one_version_one_succeeds() {
    let shop = Shop::open();
    for _ in 0..8 {
        let id = shop.pizza();
        let target = format!("/orders/{id}/update");
        let post = |number: u64| {
            let body = json!({ "note": number.to_string() });
            Post::new(&shop.ann, &target, body).header("If-Match", "\"1\"")
        };
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        assert_eq!(answers.iter().filter(|it| it.status == 200).count(), 1);
        for refused in answers.iter().filter(|it| it.status != 200) {
            refused.assert_detail(412, "Precondition Failed");
        }
        assert_eq!(shop.order(&shop.ann, id)["version"], 2);
    }
}

#[test]
fn a_browser_may_send_the_condition_and_read_the_tag() {
    let shop = Shop::open();
    let preflight = shop
        .app
        .request("OPTIONS", "/orders/1/status")
        .header("Origin", SHOP)
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization, content-type, idempotency-key, if-match",
        )
        .send();
    preflight.assert_status(200);
    for name in ["If-Match", "Content-Type", "Authorization", "Idempotency-Key"] {
        assert!(preflight.lists("Access-Control-Allow-Headers", name), "{:?}", preflight.headers);
    }
    let request = shop.app.post("/orders/create").bearer(&shop.ann).header("Origin", SHOP);
    let response = request.json(&pizza()).send();
    response.assert_header("ETag", "\"1\"");
    assert!(response.lists("Access-Control-Expose-Headers", "ETag"), "{:?}", response.headers);
}

#[test]
fn a_condition_is_no_field_of_the_body() {
    let shop = Shop::open();
    let id = shop.pizza();
    let response = shop.update(&shop.ann, id, &json!({"if_match": "\"1\""}));
    assert_fault_at(&response, "/if_match");
}
