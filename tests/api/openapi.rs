//! The OpenAPI document against the service that it describes, and the page that shows it.

use std::process::Command;

use serde_json::{Value, json};

use support::app::TestApp;

/// An operation, as the document has it.
struct Operation {
    method: String,
    path: String,
    document: Value,
}

impl Operation {
    /// With the first admin's id where there is an id.
    fn target(&self) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    fn body(&self) -> Option<&Value> {
        self.document.pointer("/requestBody/content/application~1json")
    }

    fn query_parameters(&self) -> Vec<&str> {
        let all = self.document["parameters"].as_array().into_iter().flatten();
        all.filter(|it| it["in"] == "query").map(|it| it["name"].as_str().unwrap()).collect()
    }
}

fn document(app: &TestApp) -> Value {
    app.get("/openapi.json").send().good()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, document) in item.as_object().unwrap() {
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                document: document.clone(),
            });
        }
    }
    operations
}

/// The schema that a `$ref` names.
fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(target) => document.pointer(target.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|name| name.as_str().unwrap()).collect()
}

/// The bodies that an operation takes, each with an example: one, or each of a choice.
fn variants<'d>(
    document: &'d Value,
    schema: &'d Value,
    example: &Value,
) -> Vec<(&'d Value, Value)> {
    let Some(choice) = schema["oneOf"].as_array() else { return vec![(schema, example.clone())] };
    let variants = choice.iter().map(|variant| resolve(document, variant));
    let example = |variant: &Value| match variant["properties"]["line_items"].is_object() {
        true => json!({"line_items": [{"name": "Water"}], "note": "x"}),
        false => example.clone(),
    };
    variants.map(|variant| (variant, example(variant))).collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn each_field_of_each_body_is_read_and_the_required_ones_are_missed() {
    let app = TestApp::start();
    let (document, token) = (document(&app), app.admin());
    let post = |operation: &Operation, body: &Value| {
        let answer = app.post(&operation.target()).bearer(&token).json(body).send();
        answer.assert_status(422);
        answer.json()["detail"].as_array().unwrap().clone()
    };
    let mut count = 0;
    for operation in operations(&document) {
        let Some(content) = operation.body() else { continue };
        let schema = resolve(&document, &content["schema"]);
        for (variant, example) in variants(&document, schema, &content["example"]) {
            for field in names(&variant["required"]) {
                let mut body = example.clone();
                body.as_object_mut().unwrap().remove(field);
                let faults = post(&operation, &body);
                assert_eq!(faults[0]["type"], "missing", "{} {field}", operation.path);
            }
            for field in keys(&variant["properties"]) {
                let mut body = example.clone();
                body[field] = json!([]);
                let faults = post(&operation, &body);
                assert_eq!(faults.len(), 1, "{} {field}: {faults:?}", operation.path);
                assert_eq!(faults[0]["loc"], json!(["body", field]), "{}", operation.path);
                count += 1;
            }
        }
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn each_query_parameter_is_read_and_no_other_is() {
    let app = TestApp::start();
    let (document, token) = (document(&app), app.admin());
    let fault = |operation: &Operation, query: &str| {
        let target = format!("{}?{query}", operation.target());
        let answer = app.request(&operation.method, &target).bearer(&token).send();
        answer.assert_status(422);
        answer.json()["detail"][0].clone()
    };
    let mut count = 0;
    for operation in operations(&document) {
        // Any text may be the name of a history.
        for name in operation.query_parameters().into_iter().filter(|name| *name != "source") {
            // A search takes any text but none.
            let wrong = if name == "q" { "" } else { "%20" };
            let fault = fault(&operation, &format!("{name}={wrong}"));
            assert_eq!(fault["loc"], json!(["query", name]), "{}", operation.path);
            assert_ne!(fault["type"], "extra_forbidden", "{} {name}", operation.path);
            count += 1;
        }
        if !operation.query_parameters().is_empty() {
            assert_eq!(fault(&operation, "other=1")["type"], "extra_forbidden");
        }
    }
    assert!(count >= 13, "{count}");
}

#[test]
fn secured_operations_and_only_those_ask_for_credentials() {
    let app = TestApp::start();
    for operation in operations(&document(&app)) {
        let answer = app.request(&operation.method, &operation.target()).body("{}").send();
        let is_secured = operation.document["security"].is_array();
        let asks = answer.header("WWW-Authenticate").is_some();
        assert_eq!(asks, is_secured, "{} {}", operation.method, operation.path);
    }
}

#[test]
fn errors_have_the_members_that_the_document_gives_them() {
    let app = TestApp::start();
    let document = document(&app);
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    let unauthenticated = app.get("/auth/me").send();
    unauthenticated.assert_status(401);
    assert_eq!(keys(&unauthenticated.json()), names(&schema("Error")["required"]));

    let invalid = app.post("/auth/login").body("{}").send().json();
    assert_eq!(keys(&invalid), keys(&schema("Invalid")["properties"]));
    assert_eq!(keys(&invalid["detail"][0]), names(&schema("Fault")["required"]));
    let token = app.admin();
    let bounded = app.get("/orders/?limit=0").bearer(&token).send().json();
    assert_eq!(keys(&bounded["detail"][0]), keys(&schema("Fault")["properties"]));

    let problem = app.get("/orders/?limit=0").bearer(&token);
    let problem = problem.header("Accept", "application/problem+json").send();
    problem.assert_header("Content-Type", "application/problem+json");
    let problem: Value = serde_json::from_slice(&problem.body).unwrap();
    let described = schema("Problem");
    for name in keys(&problem) {
        assert!(described["properties"][name].is_object(), "{name}");
    }
    for name in names(&described["required"]) {
        assert!(problem[name].is_string() || problem[name].is_number(), "{name}");
    }
}

#[test]
fn a_rate_limited_answer_has_the_members_and_headers_that_the_document_gives_it() {
    let app = TestApp::start_with(&["--rate-limit-requests=1"]);
    let document = document(&app);
    app.login("nobody", "x").assert_status(401);
    let limited = app.login("nobody", "x");
    limited.assert_status(429);
    let schema = &document["components"]["schemas"]["RateLimited"];
    assert_eq!(keys(&limited.json()), keys(&schema["properties"]));
    for name in keys(&document["components"]["responses"]["RateLimited"]["headers"]) {
        assert!(limited.header(name).is_some(), "{name}");
    }
}

#[test]
fn the_document_is_kept_by_whoever_has_it_and_printed_by_the_command() {
    let app = TestApp::start();
    let first = app.get("/openapi.json").send();
    first.assert_header("Cache-Control", "no-cache");
    let tag = first.header("ETag").unwrap();
    let second = app.get("/openapi.json").header("If-None-Match", tag).send();
    second.assert_status(304);
    second.assert_header("ETag", tag);
    assert!(second.body.is_empty());
    app.get("/openapi.json").header("If-None-Match", "\"old\"").send().good();

    let printed = Command::new(env!("CARGO_BIN_EXE_orderd")).arg("openapi").output().unwrap();
    assert!(printed.status.success());
    assert_eq!(String::from_utf8(printed.stdout).unwrap().trim_end(), first.text());
}

#[test]
fn the_page_and_what_it_needs_come_from_the_service_alone() {
    let app = TestApp::start();
    let page = app.get("/docs").send();
    page.assert_status(200);
    page.assert_header("Content-Type", "text/html; charset=utf-8");
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let text = page.text();
    assert!(!text.contains("://") && !text.contains("<script>"), "{text}");
    app.get("/redoc").send().assert_header("Location", "./docs");

    let bundle = "/docs/5.35.0/swagger-ui-bundle.js";
    assert!(text.contains(bundle.trim_start_matches('/')));
    let compressed = app.get(bundle).header("Accept-Encoding", "gzip, br").send();
    compressed.assert_status(200);
    compressed.assert_header("Content-Encoding", "gzip");
    assert!(compressed.body.starts_with(&[0x1f, 0x8b]));
    let plain = app.get(bundle).send();
    plain.assert_status(200);
    plain.assert_no_header("Content-Encoding");
    assert!(plain.body.len() > compressed.body.len());
    for answer in [&compressed, &plain] {
        answer.assert_header("Content-Type", "text/javascript; charset=utf-8");
        answer.assert_header("Vary", "Accept-Encoding");
        assert!(answer.header("Cache-Control").unwrap().contains("immutable"));
    }
}
