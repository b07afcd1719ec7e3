//! The operator's side of orders with content: who acts over the socket, and what a check finds.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use support::client::TIMEOUT;
use support::process::Call;

use super::shop::{Shop, full, id, payment, pizza, refund, with};

/// Status and body of a POST over the socket beside the database.
fn operate(shop: &Shop, target: &str, body: &Value) -> (u16, Value) {
    operate_with(shop, target, "", body)
}

/// The same with headers: whole lines, each with its end.
fn operate_with(shop: &Shop, target: &str, headers: &str, body: &Value) -> (u16, Value) {
    let mut socket = UnixStream::connect(shop.app.folder().join("orders.sock")).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[test]
fn the_operator_is_nobody_in_the_history() {
    let shop = Shop::open();
    let id = shop.pizza();
    for (change, body) in [
        ("update", json!({"note": "x"})),
        ("payments", payment(900)),
        ("refunds", refund(100)),
        ("status", json!({"status": "canceled", "reason": "staff"})),
        ("update", json!({"metadata": {"a": "b"}})),
    ] {
        let (status, order) = operate(&shop, &format!("/orders/{id}/{change}"), &body);
        assert_eq!(status, 200, "{change}: {order}");
    }
    let order = shop.order(&shop.admin, id);
    for list in ["history", "payments", "refunds"] {
        let entries = order[list].as_array().unwrap();
        assert!(!entries.is_empty(), "{list}");
        for entry in entries {
            assert_eq!(entry.get("actor_id"), Some(&Value::Null), "{entry}");
        }
    }
}

#[test]
fn a_key_of_the_operator_places_one_order_and_is_nobody_elses() {
    let shop = Shop::open();
    let body = with(&pizza(), "/user_id", 2);
    let place =
        |body: &Value| operate_with(&shop, "/orders/create", "Idempotency-Key: k\r\n", body);
    for _ in 0..3 {
        let (status, order) = place(&body);
        assert_eq!((status, &order["id"], &order["user_id"]), (200, &json!(1), &json!(2)));
    }
    let (status, fault) = place(&with(&body, "/note", "another"));
    assert_eq!(status, 422, "{fault}");
    let anns = shop.create_with_key(&shop.ann, "k", &body);
    assert_eq!(anns.good()["id"], 2);
    assert_eq!(shop.listed(&shop.ann, ""), [1, 2]);
    assert!(shop.app.app().store().check().unwrap().is_sound());
}

#[test]
fn a_check_finds_orders_with_content_sound() {
    let mut shop = Shop::open_with(&["--notify-email=kitchen@shop.example"]);
    shop.place(&shop.ann, &json!({"success": true}));
    shop.place(&shop.ann, &json!({"line_items": [{"name": "Chat"}]}));
    for (number, status) in (0..).zip(["pending", "processing", "ready", "completed", "canceled"]) {
        let body = with(&full(), "/reference_id", format!("A-{number}"));
        let placed = shop.create_with_key(&shop.ann, &format!("k-{number}"), &body).good();
        let id = id(&placed);
        shop.update(&shop.ann, id, &json!({"customer": {"name": "Grace"}, "note": null})).good();
        shop.pay(id, 1000).good();
        shop.refund(id, 1 + number * 240).good();
        shop.set_status(&shop.admin, id, status).good();
    }
    let for_ben = with(&pizza(), "/user_id", 3);
    shop.create_with_key(&shop.admin, "k-0", &for_ben).good();
    let canceled = shop.place(&shop.ben, &pizza());
    shop.set_status(&shop.ben, id(&canceled), "canceled").good();
    shop.app.stop();
    let folder = shop.app.folder();
    let url = format!("redb://{}", folder.join("orders.redb").display());
    let ended = Call::within(folder).arg("check").arg("--database-url").arg(&url).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.lines().any(|line| line == "orders\t9"), "{ended:?}");
}
