//! The metrics: their formats, their names, what they cost.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use support::app::TestApp;
use support::response::Response;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

fn metrics(app: &TestApp, accept: &str) -> Response {
    app.get("/metrics").header("Accept", accept).send()
}

/// The value of one series, as it is written.
fn value(app: &TestApp, series: &str) -> String {
    let text = app.get("/metrics").send().text();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {text}")).to_owned()
}

#[track_caller]
fn number(app: &TestApp, series: &str) -> f64 {
    value(app, series).parse().unwrap()
}

#[test]
fn the_format_is_the_one_that_accept_prefers() {
    let app = TestApp::start();
    app.get("/metrics").send().assert_header("Content-Type", TEXT);
    let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
                        application/openmetrics-text;version=0.0.1;q=0.75,\
                        text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let older = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, expected) in [
        (prometheus_2, OPEN_METRICS),
        ("application/openmetrics-text", OPEN_METRICS),
        (older, TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/html, */*;q=0.5", TEXT),
        ("application/openmetrics-text;q=0, text/plain", TEXT),
    ] {
        let response = metrics(&app, accept);
        response.assert_status(200);
        response.assert_header("Content-Type", expected);
        assert!(response.lists("Vary", "Accept"));
        assert_eq!(response.text().ends_with("# EOF\n"), expected == OPEN_METRICS, "{accept}");
    }
}

#[test]
fn in_the_text_format_every_sample_belongs_to_the_family_above_it() {
    let app = TestApp::start();
    app.admin();
    let text = metrics(&app, "text/plain").text();
    let (mut family, mut kind, mut families) = ("", "", BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help text");
            assert!(families.insert(name) && !help.is_empty(), "{name} is there twice");
            family = name;
        } else if let Some(of) = line.strip_prefix("# TYPE ") {
            let (name, is) = of.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert!(["counter", "gauge", "histogram"].contains(&is), "{line}");
            assert_eq!(name.ends_with("_total"), is == "counter", "{line}");
            kind = is;
        } else {
            let name = line.split(['{', ' ']).next().unwrap();
            let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
            let allowed: &[_] = match kind {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(allowed.contains(&suffix), "{line}");
        }
    }
    assert!(families.len() > 30, "{families:?}");
}

#[test]
fn what_is_ours_has_our_prefix_and_every_family_is_told() {
    let app = TestApp::start();
    let text = app.get("/metrics").send().text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let ours = ["orderd_", "http_", "process_"].iter().any(|it| line.starts_with(it));
        assert!(ours, "{line}");
    }
    for name in ["orderd_log_lines_dropped_total", "orderd_backups_failed_total"] {
        assert_eq!(value(&app, name), "0");
    }
    assert!(number(&app, "orderd_store_size_bytes") > 4096.0);
    assert!(number(&app, "orderd_disk_free_bytes") > 1e6);
    assert!(number(&app, "process_cpu_seconds_total") > 0.0);
    assert!(number(&app, "process_open_fds") > 8.0);
    assert_eq!(value(&app, "orderd_uptime_seconds"), "0");
    app.advance_secs(90);
    assert_eq!(value(&app, "orderd_uptime_seconds"), "90");
    let before = number(&app, "process_cpu_seconds_total");
    app.admin();
    assert!(number(&app, "process_cpu_seconds_total") > before);
}

#[test]
fn pages_and_their_files_are_counted_and_not_timed() {
    let app = TestApp::start();
    for target in ["/docs", "/docs/start.js", "/openapi.json", "/redoc", "/metrics/", "/health"] {
        app.get(target).send();
    }
    let text = app.get("/metrics").send().text();
    let timed = |endpoint: &str| {
        let label = format!("endpoint=\"{endpoint}\"");
        text.lines().any(|it| it.starts_with("http_request_duration") && it.contains(&label))
    };
    assert!(timed("/health") && timed("/orders/create"));
    assert!(!timed("/docs") && !timed("/openapi.json") && !timed("/metrics/"));
    assert!(text.contains("endpoint=\"/docs/start.js\",status=\"200\"} 1"), "{text}");
}

#[test]
fn one_rendering_serves_all_who_ask_within_a_second_in_either_format() {
    let app = TestApp::start_with_shared_metrics();
    let first = metrics(&app, "text/plain");
    let open = metrics(&app, "application/openmetrics-text");
    for _ in 0..3 {
        app.get("/health").send().good();
        assert_eq!(metrics(&app, "text/plain").body, first.body);
        assert_eq!(metrics(&app, "application/openmetrics-text").body, open.body);
    }
    app.clock.advance(Duration::from_millis(999));
    assert_eq!(metrics(&app, "text/plain").body, first.body);
    app.clock.advance(Duration::from_millis(1));
    let text = metrics(&app, "text/plain").text();
    let counted = "http_requests_total{method=\"GET\",endpoint=\"/health\",status=\"200\"} 3";
    assert!(text.contains(counted), "{text}");
}

#[test]
fn the_number_of_orders_is_up_to_date() {
    let app = TestApp::start();
    let token = app.admin();
    app.create_order(&token, &json!({"success": true})).good();
    assert_eq!(value(&app, "orderd_orders_stored"), "1");
    let placed = "orderd_orders_total{outcome=\"successful\"}";
    assert_eq!(value(&app, placed), "1");
}
