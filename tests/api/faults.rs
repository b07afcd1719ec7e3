//! How much of what is wrong with a request is told.

use serde_json::{Value, json};

use support::app::TestApp;
use support::response::Response;

/// The faults of a 422.
#[track_caller]
fn faults(response: &Response) -> Vec<Value> {
    response.assert_status(422);
    response.json()["detail"].as_array().expect("faults").clone()
}

fn parameters(count: usize) -> String {
    let names: Vec<_> = (0..count).map(|index| format!("a{index}")).collect();
    format!("/orders/?{}", names.join("&"))
}

#[test]
fn a_query_takes_a_hundred_parameters_and_one_more_is_one_fault() {
    let app = TestApp::start_with(&["--http-max-head-bytes=65536"]);
    let token = app.admin();
    let of = |count| faults(&app.get(&parameters(count)).bearer(&token).send());
    assert_eq!(of(100)[0]["type"], "extra_forbidden");
    for count in [101, 8000] {
        let fault = json!({
            "type": "value_error", "loc": ["query"], "input": null,
            "msg": "A query takes at most 100 parameters",
            "ctx": {"reason": "A query takes at most 100 parameters"},
        });
        assert_eq!(of(count), [fault]);
    }
    let users = app.get(&parameters(101).replace("orders/", "auth/users")).bearer(&token).send();
    assert_eq!(faults(&users).len(), 1);
}

#[test]
fn of_many_faults_the_first_sixteen_are_told() {
    let app = TestApp::start();
    let told = faults(&app.get(&parameters(99)).bearer(&app.admin()).send());
    assert_eq!(told.len(), 16);
    assert_eq!(told[0]["loc"], json!(["query", "a0"]));
    assert_eq!(told[15]["loc"], json!(["query", "a15"]));
}

#[test]
fn an_input_that_prints_to_over_a_thousand_bytes_is_null() {
    let app = TestApp::start();
    let token = app.admin();
    let input =
        |target: String| faults(&app.get(&target).bearer(&token).send())[0]["input"].clone();
    // With its quotes it prints to a thousand.
    let fits = "x".repeat(998);
    let too_long = "x".repeat(999);
    assert_eq!(input(format!("/orders/{fits}")), json!(fits));
    assert_eq!(input(format!("/orders/{too_long}")), Value::Null);
    assert_eq!(input(format!("/orders/?limit={fits}")), json!(fits));
    assert_eq!(input(format!("/orders/?limit={too_long}")), Value::Null);

    let body_input = |padding: usize| {
        let body = json!({"padding": "y".repeat(padding), "password": "z".repeat(2000)});
        faults(&app.post("/auth/login").json(&body).send())[0]["input"].clone()
    };
    // The password is printed as its mask.
    assert_eq!(body_input(900)["password"], "**********");
    assert_eq!(body_input(1000), Value::Null);

    let key = app.post("/orders/create").bearer(&token).header("Idempotency-Key", &too_long);
    let told = faults(&key.json(&json!({"success": true})).send());
    assert_eq!(told[0]["input"], Value::Null);
}

#[test]
fn an_address_that_is_too_long_is_refused_without_being_repeated() {
    let app = TestApp::start();
    let email = format!("{}@example.com", "e".repeat(60_000));
    let body = json!({"username": "eve", "email": email, "password": "Secure1!"});
    let response = app.post("/auth/register").bearer(&app.admin()).json(&body).send();
    assert_eq!(faults(&response)[0]["input"], Value::Null);
    assert!(response.body.len() < 1000, "{} bytes", response.body.len());
}
