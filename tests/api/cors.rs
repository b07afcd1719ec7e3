use serde_json::json;

use support::app::TestApp;
use support::response::Response;

const SHOP: &str = "https://shop.example";
const EVIL: &str = "https://evil.example";
const EXPOSED: [&str; 7] = [
    "X-Request-Id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "Link",
    "Idempotent-Replayed",
    "ETag",
];

fn preflight(app: &TestApp, origin: &str, target: &str, method: &str) -> Response {
    app.request("OPTIONS", target)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", "authorization, content-type")
        .send()
}

#[track_caller]
fn assert_silent(response: &Response) {
    let told = response.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("access-"));
    assert!(!told, "{:?}", response.headers);
}

#[test]
fn in_development_any_origin_may_call_without_credentials() {
    let app = TestApp::start();
    let response = app.get("/health").header("Origin", EVIL).send();
    response.good();
    response.assert_header("Access-Control-Allow-Origin", "*");
    response.assert_no_header("Access-Control-Allow-Credentials");
}

#[test]
fn in_production_no_origin_may() {
    let app = TestApp::start_with(&["--environment=production"]);
    assert_silent(&app.get("/health").header("Origin", EVIL).send());
    let refused = preflight(&app, EVIL, "/health", "GET");
    refused.assert_status(400);
    refused.assert_no_header("Access-Control-Allow-Origin");
}

#[test]
fn an_empty_list_is_none() {
    let app = TestApp::start_with(&["--cors-allow-origins="]);
    assert_silent(&app.get("/health").header("Origin", SHOP).send());
    preflight(&app, SHOP, "/health", "GET").assert_status(400);
}

#[test]
fn of_a_list_only_its_origins_may() {
    let app =
        TestApp::start_with(&["--cors-allow-origins=https://a.example, https://shop.example"]);
    let response = app.get("/health").header("Origin", SHOP).send();
    response.assert_header("Access-Control-Allow-Origin", SHOP);
    assert!(response.lists("Vary", "Origin"), "{:?}", response.headers);
    for origin in [EVIL, "https://shop.example.evil.example", "http://shop.example", "null"] {
        let response = app.get("/health").header("Origin", origin).send();
        response.good();
        response.assert_no_header("Access-Control-Allow-Origin");
        assert!(response.lists("Vary", "Origin"), "{:?}", response.headers);
    }
    assert!(app.get("/health").send().lists("Vary", "Origin"));
}

#[test]
fn pages_may_read_these_headers() {
    let app = TestApp::start();
    let response = app.get("/health").header("Origin", SHOP).send();
    for name in EXPOSED {
        assert!(response.lists("Access-Control-Expose-Headers", name), "{name}");
    }
}

#[test]
fn a_preflight_is_answered_ok() {
    let app = TestApp::start();
    let response = preflight(&app, SHOP, "/orders/create", "POST");
    response.assert_status(200);
    assert_eq!(response.text(), "OK");
    response.assert_header("Access-Control-Allow-Origin", "*");
    assert!(response.lists("Access-Control-Allow-Methods", "POST"));
    assert!(response.lists("Access-Control-Allow-Headers", "authorization"));
    assert!(response.lists("Access-Control-Allow-Headers", "content-type"));
    response.assert_no_header("Access-Control-Allow-Credentials");
    assert!(response.header("X-Request-Id").is_some());
}

#[test]
fn a_preflight_of_another_origin_is_refused() {
    let app = TestApp::start_with(&["--cors-allow-origins=https://shop.example"]);
    let refused = preflight(&app, EVIL, "/orders/create", "POST");
    refused.assert_status(400);
    refused.assert_no_header("Access-Control-Allow-Origin");
    let granted = preflight(&app, SHOP, "/orders/create", "POST");
    granted.assert_status(200);
    granted.assert_header("Access-Control-Allow-Origin", SHOP);
}

#[test]
fn a_preflight_for_a_method_that_nothing_has_is_refused() {
    let app = TestApp::start();
    preflight(&app, SHOP, "/orders/create", "BREW").assert_status(400);
}

#[test]
fn what_a_page_sends_never_splits_an_answer() {
    let app = TestApp::start();
    let response = app
        .request("OPTIONS", "/health")
        .header("Origin", SHOP)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "x\u{1}y")
        .send();
    response.assert_status(400);
}

#[test]
fn options_without_a_preflight_tells_the_methods_of_a_path() {
    let app = TestApp::start();
    for (target, allowed) in [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/orders/create?x", "POST, OPTIONS"),
        ("/orders/7", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, POST, OPTIONS"),
    ] {
        for origin in [None, Some(SHOP)] {
            let mut request = app.request("OPTIONS", target);
            if let Some(origin) = origin {
                request = request.header("Origin", origin);
            }
            let response = request.send();
            response.assert_status(204);
            response.assert_header("Allow", allowed);
            assert!(response.body.is_empty() && response.header("X-Request-Id").is_some());
        }
    }
    app.request("OPTIONS", "/nowhere").send().assert_detail(404, "Not Found");
    app.request("OPTIONS", "/orders").send().assert_status(307);
}

#[test]
fn an_origin_is_matched_without_its_default_port_and_with_the_scheme_of_an_app() {
    let app = TestApp::start_with(&[
        "--cors-allow-origins=https://shop.example:443,capacitor://localhost",
    ]);
    for origin in [SHOP, "capacitor://localhost"] {
        let response = app.get("/health").header("Origin", origin).send();
        response.assert_header("Access-Control-Allow-Origin", origin);
    }
}

#[test]
fn a_page_can_read_errors_too() {
    let app = TestApp::start();
    let from_shop = |response: Response| {
        response.assert_header("Access-Control-Allow-Origin", "*");
        assert!(response.lists("Access-Control-Expose-Headers", "X-Request-Id"));
    };
    from_shop(app.get("/nowhere").header("Origin", SHOP).send());
    from_shop(app.get("/orders").header("Origin", SHOP).send());
    from_shop(app.request("DELETE", "/health").header("Origin", SHOP).send());
    from_shop(app.get("/auth/me").header("Origin", SHOP).send());
    from_shop(app.post("/auth/login").header("Origin", SHOP).body("{").send());
    from_shop(app.post("/auth/login").header("Origin", SHOP).json(&json!({})).send());
}

#[test]
fn the_admin_paths_never_answer_cors() {
    let app = TestApp::start();
    for target in
        ["/admin/", "/admin/users", "/%61dmin/users", "/admin%2Fusers", "/adm%69n/x?y=%ff"]
    {
        assert_silent(&app.get(target).header("Origin", SHOP).send());
        let response = preflight(&app, SHOP, target, "GET");
        assert!(response.status >= 400, "{target}: {}", response.status);
        assert_silent(&response);
    }
}
