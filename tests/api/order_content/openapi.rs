//! Orders with content in the OpenAPI document.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::shop::{Shop, full, id, payment, refund, with};

const CHANGES: [&str; 4] = ["status", "update", "payments", "refunds"];

fn document(shop: &Shop) -> Value {
    shop.app.get("/openapi.json").send().good()
}

/// Every name that any schema of the document has as a property.
fn properties(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Object(named)) = object.get("properties") {
                into.extend(named.keys().cloned());
            }
            object.values().for_each(|value| properties(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| properties(value, into)),
        _ => {}
    }
}

/// Every name of an object in an answer, but those that the client chose.
fn printed(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                into.insert(name.clone());
                if name != "metadata" {
                    printed(value, into);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|value| printed(value, into)),
        _ => {}
    }
}

#[test]
fn every_route_is_described_with_its_answers() {
    let shop = Shop::open();
    let document = document(&shop);
    for change in CHANGES {
        let operation = &document["paths"][format!("/orders/{{order_id}}/{change}")]["post"];
        assert!(operation["requestBody"].is_object(), "{change}: {operation}");
        assert!(operation["security"].is_array(), "{change}: {operation}");
        for status in ["200", "401", "403", "404", "409", "412", "422"] {
            assert!(operation["responses"][status].is_object(), "{change} {status}: {operation}");
        }
    }
    for path in ["/orders/counts", "/emails/{email_id}"] {
        let operation = &document["paths"][path]["get"];
        for status in ["200", "401", "403"] {
            assert!(operation["responses"][status].is_object(), "{path} {status}: {operation}");
        }
    }
    let create = &document["paths"]["/orders/create"]["post"]["responses"];
    for status in ["200", "403", "404", "409", "422", "429"] {
        assert!(create[status].is_object(), "{status}: {create}");
    }
}

#[test]
fn every_parameter_is_described() {
    let shop = Shop::open();
    let document = document(&shop);
    let names = |path: &str, method: &str| -> Vec<String> {
        let parameters = &document["paths"][path][method]["parameters"];
        let all = parameters.as_array().into_iter().flatten();
        all.map(|it| it["name"].as_str().unwrap_or_default().to_lowercase()).collect()
    };
    for name in ["status", "reference_id", "q", "columns"] {
        assert!(names("/orders/", "get").contains(&name.to_owned()), "{name}");
    }
    for name in ["state", "kind", "order_id", "order"] {
        assert!(names("/emails/", "get").contains(&name.to_owned()), "{name}");
    }
    for change in CHANGES {
        let names = names(&format!("/orders/{{order_id}}/{change}"), "post");
        assert!(names.contains(&"if-match".to_owned()), "{change}: {names:?}");
        let has_key = names.contains(&"idempotency-key".to_owned());
        assert_eq!(has_key, ["payments", "refunds"].contains(&change), "{change}: {names:?}");
    }
}

#[test]
fn every_name_that_is_printed_or_read_is_described() {
    let shop = Shop::open_with(&["--notify-email=kitchen@shop.example"]);
    let mut described = BTreeSet::new();
    properties(&document(&shop), &mut described);
    let body = with(&with(&full(), "/reference_id", "A-17"), "/total", 1400);
    let placed = id(&shop.place(&shop.admin, &with(&body, "/user_id", 2)));
    shop.update(&shop.ann, placed, &json!({"note": "x"})).good();
    let change = json!({"amount": 900, "method": "cash", "reference_id": "T", "note": "x"});
    shop.change(&shop.admin, placed, "payments", &change).good();
    shop.change(&shop.admin, placed, "refunds", &with(&refund(1), "/note", "x")).good();
    let change = json!({"status": "canceled", "reason": "fraud", "note": "x"});
    shop.change(&shop.admin, placed, "status", &change).good();
    let mails = shop.mails("");
    let mail = shop.app.read(&shop.admin, &format!("/emails/{}", mails[0]["id"])).good();
    let mut names = BTreeSet::new();
    for value in [
        shop.order(&shop.admin, placed),
        shop.app.orders(&shop.admin).good(),
        shop.app.read(&shop.admin, "/orders/counts").good(),
        mail,
        with(&body, "/user_id", 2),
        payment(1),
        refund(1),
        change,
    ] {
        printed(&value, &mut names);
    }
    let missing: Vec<&String> = names.difference(&described).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
    for name in ["due", "refundable"] {
        assert!(described.contains(name), "not described: {name}");
    }
}

#[test]
fn the_examples_of_the_document_are_taken() {
    let shop = Shop::open();
    let document = document(&shop);
    let content = &document["paths"]["/orders/create"]["post"]["requestBody"]["content"];
    let content = &content["application/json"];
    let several = content["examples"].as_object().into_iter().flatten();
    let examples: Vec<Value> = several
        .map(|(_, example)| example["value"].clone())
        .chain(content.get("example").cloned())
        .collect();
    assert!(!examples.is_empty(), "{content}");
    for example in examples {
        shop.place(&shop.admin, &example);
    }
}
