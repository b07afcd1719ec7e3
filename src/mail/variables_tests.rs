use serde_json::{Value, json};

use super::*;
use crate::mail::Templates;

const README: &str = include_str!("../../templates/README.md");

fn of(kind: &str) -> Value {
    let mail = Templates::sample(kind).unwrap();
    json!(Variables::of(&mail, &Shop::default()))
}

#[track_caller]
fn assert_told(name: &str) {
    let told = [format!("`{{{{{name}}}}}`"), format!("`{{{{#each {name}}}}}`")];
    assert!(told.iter().any(|it| README.contains(it)), "templates/README.md lacks {name}");
}

#[test]
fn the_readme_names_every_variable() {
    let variables = of("notify");
    for (name, value) in variables.as_object().unwrap() {
        match value {
            Value::Object(inner) => {
                inner.keys().for_each(|it| assert_told(&format!("{name}.{it}")))
            }
            Value::Array(items) => {
                assert_told(name);
                items[0].as_object().unwrap().keys().for_each(|it| assert_told(it));
            }
            _ => assert_told(name),
        }
    }
}

#[test]
fn the_names_are_the_same_in_every_mail() {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all = of("notify");
    for kind in ["order_success", "order_failed", "order_placed", "order_ready"] {
        let variables = of(kind);
        assert_eq!(names(&variables), names(&all), "{kind}");
        for part in ["order", "totals", "payment", "fulfillment", "customer", "shop"] {
            assert_eq!(names(&variables[part]), names(&all[part]), "{kind}: {part}");
        }
    }
}

#[test]
fn an_address_has_no_empty_lines() {
    let line1 = "Main Street 1".to_owned();
    let sparse = Address { line1: line1.clone(), ..Address::default() };
    assert_eq!(address(&sparse), ["Main Street 1"]);
    let city = Some("Springfield".to_owned());
    assert_eq!(address(&Address { line1: line1.clone(), city, ..sparse }), [&line1, "Springfield"]);
}
