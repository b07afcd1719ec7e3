//! The order of the checks of a change: the first that fails is the one that is told.

use serde_json::{Value, json};

use support::app::Request;

use super::shop::{Shop, assert_fault_at, payment, refund, with};

const STALE: &str = "\"77\"";
const CHANGES: [&str; 4] = ["status", "update", "payments", "refunds"];
const FORBIDDEN: &str = "Admin privileges required";
const STALE_TEXT: &str = "Precondition Failed";

/// A body that would change a pending order with something paid.
fn good(change: &str) -> Value {
    match change {
        "status" => json!({"status": "processing"}),
        "update" => json!({"note": "x"}),
        "payments" => payment(1),
        _ => refund(1),
    }
}

fn stale<'a>(shop: &'a Shop, token: &str, id: u64, change: &str, body: &Value) -> Request<'a> {
    shop.changing(token, id, change, body).header("If-Match", STALE)
}

#[test]
fn the_fields_come_before_the_order() {
    let shop = Shop::open();
    let id = shop.pizza();
    for change in CHANGES {
        let wrong = with(&good(change), "/colour", "red");
        for (token, id) in [(&shop.admin, 99), (&shop.ben, id), (&shop.ann, id), (&shop.admin, id)]
        {
            let response = stale(&shop, token, id, change, &wrong).send();
            assert_fault_at(&response, "/colour");
            response.assert_no_header("ETag");
        }
    }
}

#[test]
fn a_bad_key_comes_before_the_order() {
    let shop = Shop::open();
    for change in ["payments", "refunds"] {
        let request = shop.changing(&shop.admin, 99, change, &good(change));
        let response = request.header("Idempotency-Key", "a b").send();
        response.assert_status(422);
        assert_eq!(response.json()["detail"][0]["loc"], json!(["header", "idempotency-key"]));
    }
}

#[test]
fn that_it_is_there_comes_before_its_version() {
    let shop = Shop::open();
    let id = shop.pizza();
    for change in CHANGES {
        for (token, id) in [(&shop.admin, 99), (&shop.ben, id)] {
            stale(&shop, token, id, change, &good(change)).send().assert_detail(404, "Not Found");
        }
    }
}

#[test]
fn a_repeat_comes_before_the_version_and_the_table() {
    let shop = Shop::open();
    let id = shop.pizza();
    for change in ["payments", "refunds"] {
        let request = shop.changing(&shop.admin, id, change, &good(change));
        request.header("Idempotency-Key", change).send().good();
    }
    shop.set_status(&shop.admin, id, "canceled").good();
    for change in ["payments", "refunds"] {
        let request = stale(&shop, &shop.admin, id, change, &good(change));
        let replayed = request.header("Idempotency-Key", change).send();
        replayed.good();
        replayed.assert_header("Idempotent-Replayed", "true");
        let fresh = stale(&shop, &shop.admin, id, change, &good(change));
        fresh.header("Idempotency-Key", "new").send().assert_detail(412, STALE_TEXT);
    }
}

#[test]
fn a_status_that_is_so_comes_before_the_version_and_the_rights() {
    let shop = Shop::open();
    let id = shop.pizza_in("ready");
    let so = json!({"status": "ready"});
    stale(&shop, &shop.ann, id, "status", &so).send().good();
    stale(&shop, &shop.admin, id, "status", &so).send().good();
}

#[test]
fn the_version_comes_before_the_rights() {
    let shop = Shop::open();
    let id = shop.pizza();
    for change in ["status", "payments", "refunds"] {
        stale(&shop, &shop.ann, id, change, &good(change)).send().assert_detail(412, STALE_TEXT);
        let current = shop.changing(&shop.ann, id, change, &good(change));
        current.header("If-Match", "\"1\"").send().assert_detail(403, FORBIDDEN);
    }
}

#[test]
fn the_version_comes_before_the_table_and_the_rest() {
    let shop = Shop::open();
    let id = shop.pizza_in("canceled");
    for change in CHANGES {
        stale(&shop, &shop.admin, id, change, &good(change)).send().assert_detail(412, STALE_TEXT);
        shop.change(&shop.admin, id, change, &good(change)).assert_status(409);
    }
}

#[test]
fn the_rights_come_before_the_table() {
    let shop = Shop::open();
    for status in ["completed", "canceled"] {
        let id = shop.pizza_in(status);
        for change in ["status", "payments", "refunds"] {
            shop.change(&shop.ann, id, change, &good(change)).assert_detail(403, FORBIDDEN);
        }
    }
}

#[test]
fn a_change_that_is_refused_leaves_no_trace() {
    let shop = Shop::open();
    let id = shop.pizza();
    let before = shop.order(&shop.admin, id);
    let mails = shop.mails("").len();
    for change in CHANGES {
        stale(&shop, &shop.admin, id, change, &good(change)).send().assert_status(412);
        shop.change(&shop.ben, id, change, &good(change)).assert_status(404);
        shop.change(&shop.admin, id, change, &json!({"colour": 1})).assert_status(422);
    }
    shop.pay(id, 1901).assert_status(409);
    shop.refund(id, 1).assert_status(409);
    shop.set_status(&shop.admin, id, "failed").assert_status(409);
    assert_eq!(shop.order(&shop.admin, id), before);
    assert_eq!(shop.mails("").len(), mails);
}

#[test]
fn the_routes_are_there_with_their_methods_and_no_others() {
    let shop = Shop::open();
    let id = shop.pizza();
    for change in CHANGES {
        let target = format!("/orders/{id}/{change}");
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let response = shop.app.request(method, &target).bearer(&shop.admin).send();
            response.assert_detail(405, "Method Not Allowed");
            response.assert_header("Allow", "POST, OPTIONS");
        }
        let slash = shop.app.post(&format!("{target}/")).bearer(&shop.admin).send();
        slash.assert_status(307);
        slash.assert_header("Location", &format!("../{change}"));
        let text = shop.app.post(&target).bearer(&shop.admin).header("Content-Type", "text/plain");
        text.body("{}").send().assert_detail(415, "Unsupported Media Type");
        let broken = shop.app.post(&target).bearer(&shop.admin).body("{").send();
        assert_eq!(broken.json()["detail"][0]["type"], "json_invalid");
        let none = shop.app.post(&target).bearer(&shop.admin).send();
        assert_fault_at(&none, "");
        let list = shop.app.post(&target).bearer(&shop.admin).json(&json!([])).send();
        assert_fault_at(&list, "");
    }
    shop.app.get(&format!("/orders/{id}/colour")).send().assert_detail(404, "Not Found");
}

#[test]
fn an_id_in_a_path_is_a_number_in_its_bounds() {
    let shop = Shop::open();
    for change in CHANGES {
        for (id, kind) in [
            ("x", "int_parsing"),
            ("0", "greater_than_equal"),
            ("9223372036854775808", "less_than_equal"),
        ] {
            let request = shop.app.post(&format!("/orders/{id}/{change}")).bearer(&shop.admin);
            let response = request.json(&good(change)).send();
            response.assert_status(422);
            let fault = response.json()["detail"][0].clone();
            let found = (&fault["type"], &fault["loc"]);
            assert_eq!(found, (&json!(kind), &json!(["path", "order_id"])), "{fault}");
        }
    }
}
