//! Bodies that mean harm: none is a 500, none is half taken.

use serde_json::{Value, json};

use super::shop::{ADDED, Shop, faults, full, payment, place, with};

const ROUNDS: usize = 600;

#[test]
fn markup_formulas_and_templates_are_kept_as_text() {
    let shop = Shop::open();
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{shop}} {{{x}}} {{#each y}}",
        "=HYPERLINK(\"http://x\")",
        "'; DROP TABLE orders; --",
        "${jndi:ldap://x/a}",
        "%00%0d%0aSet-Cookie: a=b",
        "\\u0000 \\r\\n",
        "null",
        "../../etc/passwd",
    ] {
        let metadata = json!({ "__proto__": text });
        let mut body = with(&full(), "/metadata", metadata.clone());
        for pointer in ["/note", "/customer/name", "/line_items/0/name", "/line_items/0/note"] {
            body = with(&body, pointer, text);
        }
        let response = shop.create(&shop.ann, &body);
        let order = response.good();
        assert_eq!((&order["note"], &order["customer"]["name"]), (&json!(text), &json!(text)));
        assert_eq!(order["metadata"], metadata);
        response.assert_no_header("Set-Cookie");
        let read = shop.app.read(&shop.ann, &format!("/orders/{}", order["id"]));
        assert_eq!(read.good()["line_items"][0]["name"], text);
    }
}

#[test]
fn a_header_or_line_can_not_be_smuggled_in() {
    let shop = Shop::open();
    for pointer in ["/reference_id", "/customer/name", "/customer/email", "/line_items/0/name"] {
        for text in ["x\r\nBcc: a@b.example", "x\nX: y", "x\u{0}y", "x\u{2028}\r"] {
            let response = shop.create(&shop.ann, &with(&full(), pointer, format!("{text}z")));
            response.assert_status(422);
            assert_eq!(faults(&response)[0]["loc"], place(pointer), "{text:?}");
        }
    }
    let id = shop.pizza();
    for pointer in ["/method", "/reference_id"] {
        let body = with(&payment(1), pointer, "x\r\nX: y");
        shop.change(&shop.admin, id, "payments", &body).assert_status(422);
    }
}

#[test]
fn endless_names_and_values_are_answered_in_bounds() {
    let shop = Shop::open();
    let many: Value = (0..3_000).map(|number| (format!("k{number}"), json!(1))).collect();
    let mut unknown = many.clone();
    unknown["line_items"] = json!([{"name": "x"}]);
    for body in [
        unknown,
        json!({"line_items": [{"name": "x"}], "k".repeat(60_000): 1}),
        json!({"line_items": [many]}),
        with(&full(), "/metadata", many.clone()),
        with(&full(), "/metadata", json!({"k".repeat(60_000): "x"})),
        with(&full(), "/customer", many),
        json!({"line_items": vec![json!([]); 20_000]}),
    ] {
        let response = shop.create(&shop.ann, &body);
        let found = faults(&response);
        assert!((1..=16).contains(&found.len()), "{}", found.len());
        assert!(response.body.len() < 100_000, "{} bytes", response.body.len());
    }
    let deep = format!("{{\"line_items\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    shop.create_text(&shop.ann, deep).assert_status(422);
    let deep = "{\"customer\":".repeat(5_000) + "1" + &"}".repeat(5_000);
    shop.create_text(&shop.ann, deep).assert_status(422);
    shop.pizza();
}

/// Something that may stand anywhere in a body.
fn random_value(random: &mut fastrand::Rng) -> Value {
    match random.u8(0..14) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(..)),
        3 => json!(random.u64(..)),
        4 => json!(random.f64() * 1e6),
        5 => json!(random.i64(-3..2_000)),
        6 => json!(""),
        7 => json!("x".repeat(random.usize(0..3_000))),
        8 => json!(random.char(..).to_string()),
        9 => json!([]),
        10 => json!({}),
        11 => full(),
        12 => full()["line_items"].clone(),
        _ => json!("2026-11-22T16:07:44Z"),
    }
}

/// The pointers to everything in a body.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    let mut go = |name: &str, value: &Value| {
        let at = format!("{at}/{name}");
        pointers(value, &at, into);
        into.push(at);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| go(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| go(&index.to_string(), value));
        }
        _ => {}
    }
}

/// That the body is an order whose figures add up.
#[track_caller]
fn assert_sound(order: &Value, why: &str) {
    let lines = order["line_items"].as_array().unwrap();
    for (sum, part) in [
        ("subtotal", "subtotal"),
        ("discount_total", "discount"),
        ("tax_total", "tax"),
        ("total", "total"),
    ] {
        let parts: i64 = lines.iter().map(|line| line[part].as_i64().unwrap()).sum();
        assert_eq!(order[sum], parts, "{why}: {order}");
    }
    assert_eq!(order["version"], 1, "{why}: {order}");
}

#[test]
fn random_bodies_are_taken_whole_or_refused_with_their_faults() {
    let given = std::env::var("HOSTILE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = Shop::open();
    let mut all = Vec::new();
    pointers(&full(), "", &mut all);
    let mut taken = 0;
    for _ in 0..ROUNDS {
        let mut body = full();
        for _ in 0..random.usize(1..=3) {
            let pointer = &all[random.usize(..all.len())];
            if body.pointer(pointer).is_some() {
                body = with(&body, pointer, random_value(&mut random));
            }
        }
        let why = format!("HOSTILE_SEED={seed}: {body}");
        let response = shop.create(&shop.ann, &body);
        match response.status {
            200 => {
                let order = response.json();
                assert_sound(&order, &why);
                assert!(ADDED.iter().all(|added| order.get(added).is_none()), "{why}");
                taken += 1;
            }
            422 => assert!((1..=16).contains(&faults(&response).len()), "{why}"),
            other => panic!("{other}: {why}: {}", response.text()),
        }
    }
    assert!(taken > ROUNDS / 20, "HOSTILE_SEED={seed}: only {taken} of {ROUNDS} were taken");
    assert_eq!(shop.listed(&shop.ann, "").len(), taken);
}

#[test]
fn random_changes_are_made_or_refused() {
    let given = std::env::var("HOSTILE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = Shop::open();
    let changes = ["status", "update", "payments", "refunds"];
    let names = ["status", "reason", "note", "amount", "method", "metadata", "customer"];
    for _ in 0..ROUNDS / 2 {
        let mut body = json!({});
        for _ in 0..random.usize(0..=3) {
            let name = names[random.usize(..names.len())];
            body[name] = match name {
                "status" => json!(super::shop::STATUSES[random.usize(..6)]),
                "amount" => json!(random.u64(0..100)),
                _ => random_value(&mut random),
            };
        }
        let change = changes[random.usize(..4)];
        let token = [&shop.ann, &shop.admin, &shop.ben][random.usize(..3)];
        let id = 1 + random.u64(0..5);
        if random.u8(0..10) == 0 {
            shop.pizza();
        }
        let status = shop.change(token, id, change, &body).status;
        let known = [200, 403, 404, 409, 422];
        assert!(known.contains(&status), "HOSTILE_SEED={seed}: {change} {body}: {status}");
    }
    for order in shop.app.orders(&shop.admin).good()["orders"].as_array().unwrap() {
        let read = shop.order(&shop.admin, super::shop::id(order));
        let entries = read["history"].as_array().unwrap().len();
        assert_eq!(read["version"], entries + 1, "HOSTILE_SEED={seed}: {read}");
    }
}
