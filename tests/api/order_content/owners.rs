//! Whom an order is placed for, and who sees it.

use serde_json::{Value, json};

use super::shop::{
    ADMIN_ID, ANN_ID, BEN_ID, Shop, assert_fault_at, assert_faults, id, payment, pizza, refund,
    with,
};

const FORBIDDEN: &str = "Admin privileges required";

fn pizza_for(user: u64) -> Value {
    with(&pizza(), "/user_id", user)
}

#[test]
fn an_admin_places_orders_for_others_who_then_have_them() {
    let shop = Shop::open();
    let order = shop.place(&shop.admin, &pizza_for(ANN_ID));
    assert_eq!(order["user_id"], ANN_ID);
    assert_eq!(shop.listed(&shop.ann, ""), [1]);
    assert_eq!(shop.listed(&shop.ben, ""), [] as [u64; 0]);
    assert_eq!(shop.listed(&shop.admin, "user_id=2"), [1]);
    assert_eq!(shop.order(&shop.ann, 1)["user_id"], ANN_ID);
    shop.set_status(&shop.ann, 1, "canceled").good();
}

#[test]
fn one_s_own_id_is_allowed_to_everyone() {
    let shop = Shop::open();
    for (token, user) in [(&shop.admin, ADMIN_ID), (&shop.ann, ANN_ID), (&shop.ben, BEN_ID)] {
        assert_eq!(shop.place(token, &pizza_for(user))["user_id"], user);
        assert_eq!(shop.place(token, &pizza())["user_id"], user);
    }
}

#[test]
fn a_plain_user_places_for_nobody_else() {
    let shop = Shop::open();
    for user in [ADMIN_ID, BEN_ID, 99] {
        shop.create(&shop.ann, &pizza_for(user)).assert_detail(403, FORBIDDEN);
    }
    assert_eq!(shop.listed(&shop.admin, ""), [] as [u64; 0]);
}

#[test]
fn the_fields_come_before_the_right_to_place_for_another() {
    let shop = Shop::open();
    let wrong = with(&pizza_for(BEN_ID), "/currency", "eur");
    assert_fault_at(&shop.create(&shop.ann, &wrong), "/currency");
    let wrong = with(&pizza_for(BEN_ID), "/total", 1);
    assert_fault_at(&shop.create(&shop.ann, &wrong), "/total");
}

#[test]
fn a_user_who_is_not_there_or_disabled_gets_no_order() {
    let shop = Shop::open();
    shop.create(&shop.admin, &pizza_for(99)).assert_detail(404, "Not Found");
    shop.create(&shop.admin, &pizza_for(i64::MAX as u64)).assert_detail(404, "Not Found");
    shop.app.post("/auth/users/3/disable").bearer(&shop.admin).send().assert_status(200);
    shop.create(&shop.admin, &pizza_for(BEN_ID)).assert_detail(404, "Not Found");
    shop.app.post("/auth/users/3/enable").bearer(&shop.admin).send().assert_status(200);
    shop.place(&shop.admin, &pizza_for(BEN_ID));
}

#[test]
fn another_s_order_is_not_there_on_every_route() {
    let shop = Shop::open();
    let id = shop.pizza();
    for (method, change, body) in [
        ("GET", "", Value::Null),
        ("POST", "/status", json!({"status": "canceled"})),
        ("POST", "/status", json!({"status": "pending"})),
        ("POST", "/update", json!({"note": "x"})),
        ("POST", "/update", json!({})),
        ("POST", "/payments", payment(1)),
        ("POST", "/refunds", refund(1)),
    ] {
        let ask = |token: &str, id: u64| {
            let request = shop.app.request(method, &format!("/orders/{id}{change}")).bearer(token);
            if method == "GET" { request.send() } else { request.json(&body).send() }
        };
        let (others, nobodys) = (ask(&shop.ben, id), ask(&shop.ben, 99));
        others.assert_detail(404, "Not Found");
        assert_eq!(others.text(), nobodys.text());
        ask(&shop.admin, 99).assert_detail(404, "Not Found");
        ask("nonsense", id).assert_status(401);
    }
    assert_eq!(shop.order(&shop.admin, id)["version"], 1);
}

#[test]
fn payments_refunds_and_counts_are_for_admins() {
    let shop = Shop::open();
    let id = shop.pizza();
    shop.change(&shop.ann, id, "payments", &payment(1)).assert_detail(403, FORBIDDEN);
    shop.change(&shop.ann, id, "refunds", &refund(1)).assert_detail(403, FORBIDDEN);
    shop.app.read(&shop.ann, "/orders/counts").assert_detail(403, FORBIDDEN);
    shop.app.get("/orders/counts").send().assert_detail(401, "Not authenticated");
    for change in ["status", "update", "payments", "refunds"] {
        let request = shop.app.post(&format!("/orders/{id}/{change}"));
        request.json(&json!({})).send().assert_detail(401, "Not authenticated");
    }
}

#[test]
fn open_orders_are_counted_by_their_status() {
    let shop = Shop::open();
    let counts = |shop: &Shop| shop.app.read(&shop.admin, "/orders/counts").good();
    assert_eq!(counts(&shop), json!({"pending": 0, "processing": 0, "ready": 0}));
    shop.place(&shop.ann, &json!({"success": true}));
    shop.place(&shop.ben, &json!({"success": false}));
    let ids: Vec<u64> = (0..6).map(|_| shop.pizza()).collect();
    shop.set_status(&shop.admin, ids[0], "processing").good();
    shop.set_status(&shop.admin, ids[1], "ready").good();
    shop.set_status(&shop.admin, ids[2], "completed").good();
    let canceled = shop.place(&shop.ben, &pizza());
    shop.set_status(&shop.ben, id(&canceled), "canceled").good();
    let expected = json!({"pending": 3, "processing": 1, "ready": 1});
    let response = shop.app.read(&shop.admin, "/orders/counts");
    response.assert_json(200, &expected);
    shop.set_status(&shop.admin, ids[1], "processing").good();
    assert_eq!(counts(&shop), json!({"pending": 3, "processing": 2, "ready": 0}));
    for id in &ids[..2] {
        shop.set_status(&shop.admin, *id, "completed").good();
    }
    assert_eq!(counts(&shop), json!({"pending": 3, "processing": 0, "ready": 0}));
    shop.app.post("/orders/counts").bearer(&shop.admin).send().assert_status(405);
}

#[test]
fn of_a_field_that_only_admins_may_use_the_form_is_told_first() {
    let shop = Shop::open();
    let response = shop.create(&shop.ann, &with(&pizza(), "/user_id", "3"));
    assert_faults(&response, &[("int_type", "/user_id")]);
}
