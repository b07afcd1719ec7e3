use serde_json::json;

use support::app::TestApp;

#[test]
fn the_root_says_what_this_is() {
    let app = TestApp::start();
    let response = app.get("/").send();
    let body = json!({"message": "Mini Order Management Service", "docs": "/docs"});
    response.assert_json(200, &body);
    let expected = "{\"message\":\"Mini Order Management Service\",\"docs\":\"/docs\"}";
    assert_eq!(response.text(), expected);
}

#[test]
fn the_root_sends_a_browser_to_the_console_or_to_the_docs_without_one() {
    let without = TestApp::start_with(&["--console=off"]);
    let response = without.get("/").header("Accept", "text/html").send();
    response.assert_header("Location", "./docs");
    let app = TestApp::start();
    let firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for accept in [firefox, "text/html", "application/json;q=0.5, text/html", "text/*"] {
        let response = app.get("/").header("Accept", accept).send();
        assert!((300..400).contains(&response.status), "{accept}: {}", response.status);
        response.assert_header("Location", "./console/");
    }
    for accept in ["*/*", "application/json", "text/html;q=0.1, application/json", "text/html;q=0"]
    {
        app.get("/").header("Accept", accept).send().good();
    }
}

#[test]
fn a_cache_is_told_that_the_root_depends_on_accept() {
    let app = TestApp::start();
    assert!(app.get("/").send().lists("Vary", "Accept"));
    assert!(app.get("/").header("Accept", "text/html").send().lists("Vary", "Accept"));
}

#[test]
fn health_says_how_and_when_and_what() {
    let app = TestApp::start();
    app.clock.advance(std::time::Duration::from_micros(22_571));
    let response = app.get("/health").send();
    let expected = "{\"status\":\"healthy\",\"timestamp\":1759816691.022571,\
                    \"version\":\"1.0.0\",\"environment\":\"development\"}";
    response.assert_status(200);
    assert_eq!(response.text(), expected);
    response.good();
}

#[test]
fn health_names_the_environment() {
    let app = TestApp::start_with(&["--environment=production"]);
    assert_eq!(app.get("/health").send().good()["environment"], "production");
}

#[test]
fn health_says_why_the_store_takes_no_write() {
    let app = TestApp::start();
    app.app().store().close();
    let response = app.get("/health").send();
    response.assert_status(503);
    let body = response.json();
    assert_eq!(body["status"], "unhealthy");
    assert!(!body["reason"].as_str().expect("a reason").is_empty());
    for key in ["timestamp", "version", "environment"] {
        assert!(!body[key].is_null(), "{key}");
    }
}

#[test]
fn without_a_store_the_answer_is_503_and_says_when_to_come_back() {
    let app = TestApp::start();
    let token = app.admin();
    app.app().store().close();
    let response = app.create_order(&token, &json!({"success": true}));
    response.assert_detail(503, "Service Unavailable");
    let wait = response.header("Retry-After").expect("Retry-After");
    assert!(wait.parse::<u64>().is_ok(), "{wait}");
}

#[test]
fn metrics_answer_with_and_without_the_last_slash() {
    let app = TestApp::start();
    for path in ["/metrics", "/metrics/", "/metrics?x=y"] {
        app.get(path).send().assert_status(200);
    }
}

/// The value of that series in the metrics, 0 where it is not there.
fn count(app: &TestApp, series: &str) -> u64 {
    let text = app.get("/metrics").send().text();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

fn requests(method: &str, endpoint: &str, status: u16) -> String {
    format!(
        "http_requests_total{{method=\"{method}\",endpoint=\"{endpoint}\",status=\"{status}\"}}"
    )
}

#[test]
fn requests_are_counted_by_method_endpoint_and_status() {
    let app = TestApp::start();
    let token = app.admin();
    app.create_order(&token, &json!({"success": true})).good();
    app.create_order(&token, &json!({"success": "maybe"})).assert_status(422);
    app.create_order("x", &json!({})).assert_status(401);
    app.create_order(&token, &json!({"success": false})).good();
    for (status, expected) in [(200, 2), (422, 1), (401, 1)] {
        assert_eq!(count(&app, &requests("POST", "/orders/create", status)), expected, "{status}");
    }
    assert_eq!(count(&app, &requests("POST", "/auth/login", 200)), 1);
}

#[test]
fn an_id_in_a_path_counts_under_its_template() {
    let app = TestApp::start();
    let token = app.admin();
    for id in ["4711", "4712", "x4713"] {
        app.get(&format!("/orders/{id}")).bearer(&token).send();
    }
    assert_eq!(count(&app, &requests("GET", "/orders/{order_id}", 404)), 2);
    assert_eq!(count(&app, &requests("GET", "/orders/{order_id}", 422)), 1);
    assert!(
        !app.get("/metrics").send().text().contains("/orders/471"),
        "a raw path in the metrics"
    );
}

#[test]
fn durations_are_observed() {
    let app = TestApp::start();
    app.get("/health").send().good();
    let text = app.get("/metrics").send().text();
    for part in ["_bucket{", "_count{", "_sum{"] {
        let name = format!("http_request_duration_seconds{part}");
        let found = text.lines().any(|it| it.starts_with(&name) && it.contains("\"/health\""));
        assert!(found, "{name}");
    }
}

#[test]
fn no_raw_path_and_no_raw_method_becomes_a_label() {
    let app = TestApp::start();
    for target in ["/secret-path", "/orders/create/evil", "/HEALTH", "/orders?x=hidden"] {
        app.get(target).send();
    }
    app.request("BREW", "/health").send().assert_detail(405, "Method Not Allowed");
    app.request("BREW", "/nowhere").send().assert_detail(404, "Not Found");
    let text = app.get("/metrics").send().text();
    for raw in ["secret-path", "evil", "HEALTH", "hidden", "BREW"] {
        assert!(!text.contains(raw), "{raw} in the metrics");
    }
}
