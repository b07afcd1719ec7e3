use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, TestApp};
use support::response::Response;

fn post(app: &TestApp, body: impl Into<Vec<u8>>) -> Response {
    app.post("/auth/login").header("Content-Type", "application/json").body(body).send()
}

#[track_caller]
fn assert_bad_json(response: &Response, offset: usize) {
    let why = response.json()["detail"][0]["ctx"]["error"].clone();
    let why = why.as_str().unwrap_or_else(|| panic!("no ctx.error: {}", response.text()));
    assert!(!why.is_empty() && !why.contains("line"), "{why}");
    response.assert_invalid(&[json!({
        "type": "json_invalid", "loc": ["body", offset], "msg": "JSON decode error",
        "input": {}, "ctx": {"error": why},
    })]);
}

#[test]
fn bad_json_is_placed_in_characters() {
    let app = TestApp::start();
    for (body, offset) in [
        ("{", 1),
        ("{\"a\": }", 6),
        ("{\"ä\": }", 6),
        ("{\"日本\": \"語\", x}", 12),
        ("{\n  \"a\": 1,\n  \"b\": ?\n}", 19),
        ("x", 0),
        ("{} {}", 3),
        ("{'a': 1}", 1),
    ] {
        let response = post(&app, body);
        response.assert_status(422);
        assert_bad_json(&response, offset);
    }
}

#[test]
fn json_that_python_takes_and_rfc_8259_does_not_is_bad() {
    let app = TestApp::start();
    for body in
        ["{\"username\": NaN}", "{\"a\": Infinity}", "[1,]", "{\"a\":01}", "{\"a\":\"\t\"}", " "]
    {
        let response = post(&app, body);
        response.assert_status(422);
        assert_eq!(response.json()["detail"][0]["type"], "json_invalid", "{body}");
    }
}

#[test]
fn json_nested_without_end_is_bad_and_does_no_harm() {
    let app = TestApp::start();
    post(&app, "[".repeat(60_000)).assert_status(422);
    post(&app, "{\"a\":".repeat(10_000)).assert_status(422);
    app.login("admin", ADMIN_PASSWORD).good();
}

#[test]
fn undecodable_bytes_are_told() {
    let app = TestApp::start();
    for body in [&b"\xff"[..], b"{\"username\":\"\xc3\"}", b"\x80{}", b"{}\xed\xa0\x80"] {
        post(&app, body).assert_detail(400, "There was an error parsing the body");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let app = TestApp::start();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    post(&app, format!("\u{feff}{body}")).good();
}

#[test]
fn no_body_is_a_missing_one() {
    let app = TestApp::start();
    let missing =
        json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null});
    app.post("/auth/login").send().assert_invalid(std::slice::from_ref(&missing));
    for body in ["", "null"] {
        post(&app, body).assert_invalid(std::slice::from_ref(&missing));
    }
    let request = app.post("/auth/login").header("Content-Type", "text/plain").body("");
    request.send().assert_invalid(&[missing]);
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    let app = TestApp::start();
    for body in [json!([]), json!([1, "x"]), json!("text"), json!(1), json!(true), json!(1.5)] {
        let expected = json!({
            "type": "model_attributes_type", "loc": ["body"],
            "msg": "Input should be a valid dictionary or object to extract fields from",
            "input": body,
        });
        post(&app, body.to_string()).assert_invalid(&[expected]);
    }
}

#[test]
fn a_password_is_masked_wherever_it_is_sent_back() {
    let app = TestApp::start();
    let mask = "**********";
    let list = json!([{"username": "ann", "password": "leaked"}, [{"newPassword": ["leaked"]}]]);
    let response = post(&app, list.to_string());
    response.assert_status(422);
    let input = json!([{"username": "ann", "password": mask}, [{"newPassword": mask}]]);
    assert_eq!(response.json()["detail"][0]["input"], input);
    let body = json!({"Password2": "leaked", "deep": {"old_password": {"a": "leaked"}}});
    let response = post(&app, body.to_string());
    let input = json!({"Password2": mask, "deep": {"old_password": mask}});
    for fault in response.json()["detail"].as_array().unwrap() {
        assert_eq!(fault["input"], input);
    }
    assert!(!response.text().contains("leaked"));
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    let app = TestApp::start();
    let body = format!(
        "{{\"username\":\"nobody\",\"password\":\"{ADMIN_PASSWORD}\",\"username\":\"admin\"}}"
    );
    post(&app, body).good();
}

#[test]
fn a_body_that_says_it_is_something_else_is_refused() {
    let app = TestApp::start();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD}).to_string();
    let send = |content_type: &str| {
        app.post("/auth/login").header("Content-Type", content_type).body(body.clone()).send()
    };
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json+xml",
        "json",
        "text/json",
    ] {
        send(other).assert_detail(415, "Unsupported Media Type");
    }
    for json in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=\"utf-8\"",
        "application/vnd.shop.order+json",
        "application/problem+json; x=y",
    ] {
        send(json).good();
    }
}

#[test]
fn the_checks_come_in_the_order_of_the_contract() {
    let app = TestApp::start_with(&["--rate-limit-requests=1", "--rate-limit-window=60"]);
    let admin = app.admin();
    let plain = |path: &str, body: &str| {
        app.post(path).header("Content-Type", "text/plain").body(body).send()
    };
    let json = |body: &str| app.post("/auth/register").body(body);
    // The route before the kind of the body, that before its syntax, that before credentials.
    plain("/nowhere", "{").assert_detail(404, "Not Found");
    plain("/auth/register", "{").assert_detail(415, "Unsupported Media Type");
    json("{").send().assert_status(422);
    json("\u{0}").send().assert_status(422);
    json("{}").send().assert_detail(401, "Not authenticated");
    json("{}").bearer("x").send().assert_detail(401, "Could not validate credentials");
    // The fields are read last, but the limit comes before them.
    json("{}").bearer(&admin).send().assert_status(422);
    json("{}").bearer(&admin).send().assert_status(429);
    json("{").bearer(&admin).send().assert_status(422);
}

#[test]
fn the_limit_comes_before_the_role() {
    let app = TestApp::start_with(&["--rate-limit-requests=1", "--trusted-proxies=127.0.0.1"]);
    let admin = app.admin();
    let body = json!({"username": "ann", "email": "ann@example.com", "password": "Secure1!"});
    app.register(&admin, &body).good();
    let login = json!({"username": "ann", "password": "Secure1!"});
    let login = app.post("/auth/login").from("192.0.2.1").json(&login).send().good();
    let ann = login["access_token"].as_str().unwrap();
    app.register(ann, &body).assert_detail(403, "Admin privileges required");
    app.register(ann, &body).assert_status(429);
}

#[test]
fn an_unknown_path_is_not_found_whatever_the_method() {
    let app = TestApp::start();
    for path in
        ["/nowhere", "/auth", "/auth/", "/Health", "/orders/create/1/2", "//", "/health//", "/%ff"]
    {
        for method in ["GET", "POST", "DELETE", "BREW"] {
            app.request(method, path).send().assert_detail(404, "Not Found");
        }
    }
}

#[test]
fn a_wrong_method_is_told_with_the_right_ones() {
    let app = TestApp::start();
    let check = |method: &str, path: &str, allowed: &[&str]| {
        let response = app.request(method, path).send();
        response.assert_detail(405, "Method Not Allowed");
        for method in allowed {
            assert!(response.lists("Allow", method), "{path}: {:?}", response.headers);
        }
        let count = response.header("Allow").unwrap().split(',').count();
        assert_eq!(count, allowed.len(), "{path}: {:?}", response.headers);
    };
    for path in ["/", "/health", "/metrics", "/metrics/", "/auth/me", "/orders/"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "BREW", "get"] {
            check(method, path, &["GET", "HEAD", "OPTIONS"]);
        }
    }
    for path in ["/auth/login", "/auth/register", "/orders/create"] {
        for method in ["GET", "PUT", "DELETE"] {
            check(method, path, &["POST", "OPTIONS"]);
        }
    }
    let head = app.request("HEAD", "/auth/login").send();
    head.assert_status(405);
    head.assert_header("Allow", "POST, OPTIONS");
}

#[test]
fn a_path_that_differs_by_its_last_slash_is_redirected() {
    let app = TestApp::start();
    for (target, location) in [
        ("/health/", "../health"),
        ("/orders", "./orders/"),
        ("/orders?limit=1&x=%20", "./orders/?limit=1&x=%20"),
        ("/auth/login/", "../login"),
        ("/auth/me/?", "../me?"),
        ("/orders/create/?a=b/", "../create?a=b/"),
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let response = app.request(method, target).send();
            response.assert_status(307);
            response.assert_header("Location", location);
            assert!(response.header("X-Request-Id").is_some());
        }
        app.request("HEAD", target).send().assert_status(307);
    }
}

#[test]
fn a_redirect_never_leads_to_another_host() {
    let app = TestApp::start();
    for target in ["//evil.example/health/", "//evil.example/orders", "///health/", "/\\evil/"] {
        let response = app.get(target).send();
        response.assert_detail(404, "Not Found");
        response.assert_no_header("Location");
    }
}

#[test]
fn an_encoded_path_is_the_path() {
    let app = TestApp::start();
    app.get("/%68ealth").send().good();
    app.get("/health%").send().assert_detail(404, "Not Found");
}

#[test]
fn head_is_get_without_a_body() {
    let app = TestApp::start();
    let token = app.admin();
    for target in ["/", "/health", "/auth/me", "/orders/"] {
        let get = app.get(target).bearer(&token).send();
        let head = app.request("HEAD", target).bearer(&token).send();
        head.assert_status(200);
        for name in ["Content-Type", "Content-Length"] {
            assert_eq!(head.header(name), get.header(name), "{target}: {name}");
        }
    }
    app.request("HEAD", "/metrics").send().assert_status(200);
    app.request("HEAD", "/orders/").send().assert_status(401);
    app.request("HEAD", "/nowhere").send().assert_status(404);
}

#[test]
fn every_answer_has_a_request_id_of_its_own() {
    let app = TestApp::start();
    let token = app.admin();
    let answers = [
        app.get("/").send(),
        app.get("/").header("Accept", "text/html").send(),
        app.get("/health").send(),
        app.get("/metrics").send(),
        app.get("/orders").send(),
        app.get("/nowhere").send(),
        app.orders(&token),
        app.orders("x"),
        app.request("PUT", "/health").send(),
        app.request("HEAD", "/health").send(),
        post(&app, "{"),
        post(&app, "\u{1}"),
        post(&app, "x".repeat(70_000)),
        app.login("admin", "x"),
    ];
    let mut ids: Vec<&str> =
        answers.iter().map(|answer| answer.header("X-Request-Id").expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), answers.len(), "{ids:?}");
}

#[test]
fn an_answer_says_nothing_of_what_is_inside() {
    let app = TestApp::start();
    let token = app.admin();
    app.app().store().close();
    for response in [app.me(&token), app.login("admin", ADMIN_PASSWORD), app.orders(&token)] {
        assert!(response.status >= 500, "{}", response.status);
        let detail = response.json()["detail"].clone();
        let known = ["Service Unavailable", "Internal Server Error"];
        assert!(known.iter().any(|text| detail == *text), "{detail}");
        assert_eq!(response.json(), json!({ "detail": detail }));
    }
}

#[test]
fn the_whole_list_of_faults_has_only_the_contract_s_keys() {
    let app = TestApp::start();
    let body: Value = post(&app, "{}").json();
    for fault in body["detail"].as_array().unwrap() {
        let keys: Vec<&String> = fault.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["type", "loc", "msg", "input"]);
    }
}
