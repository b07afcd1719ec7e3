//! Which client a request counts for, behind proxies.

use serde_json::json;

use support::app::TestApp;

/// The tokens that are left to whom `X-Forwarded-For` names, after one more login of theirs.
fn remaining(app: &TestApp, forwarded: &str) -> u64 {
    let login = app.post("/auth/login").header("X-Forwarded-For", forwarded);
    let response = login.json(&json!({"username": 5, "password": ""})).send();
    response.assert_status(422);
    let state = response.header("RateLimit").expect("a limit").to_owned();
    let left = state.split(';').find_map(|part| part.strip_prefix("r="));
    left.expect("what is left").parse().unwrap()
}

#[test]
fn an_address_counts_however_a_proxy_writes_it() {
    let app = TestApp::limited();
    for (expected, forwarded) in [
        (4, "2001:db8::5"),
        (3, "[2001:db8::5]"),
        (2, "\"[2001:db8::5]:4711\""),
        (1, "203.0.113.9, [2001:db8::5]:443, , 127.0.0.1,"),
        (0, " ,\"2001:db8::5\" ,,"),
        (4, "192.0.2.1:8080"),
        (3, "\"192.0.2.1\""),
    ] {
        assert_eq!(remaining(&app, forwarded), expected, "{forwarded}");
    }
}

#[test]
fn an_element_that_is_no_address_counts_for_the_peer() {
    let app = TestApp::limited();
    // The peer, 127.0.0.1, is a proxy: a trusted hop before the odd one is none either.
    for (expected, forwarded) in
        [(4, "192.0.2.1, unknown"), (3, "_hidden"), (2, "192.0.2.1, x, 127.0.0.1"), (1, ", ,")]
    {
        assert_eq!(remaining(&app, forwarded), expected, "{forwarded}");
    }
    assert_eq!(remaining(&app, "192.0.2.1"), 4);
}

/// What a client makes of a reference (RFC 3986, 5.2.2), where it begins with a dot or with `?`.
#[track_caller]
fn resolve(base: &str, reference: &str) -> String {
    let path = base.split('?').next().unwrap();
    let folder = path.rsplit_once('/').unwrap().0;
    if reference.starts_with('?') {
        return format!("{path}{reference}");
    }
    if let Some(rest) = reference.strip_prefix("../") {
        return format!("{}/{rest}", folder.rsplit_once('/').unwrap().0);
    }
    let rest = reference.strip_prefix("./");
    format!("{folder}/{}", rest.unwrap_or_else(|| panic!("{reference} is not relative")))
}

#[test]
fn behind_a_prefix_that_a_proxy_takes_off_redirects_and_links_stay_behind_it() {
    let app = TestApp::start();
    let token = app.admin();
    for _ in 0..2 {
        app.create_order(&token, &json!({"success": true})).good();
    }
    let get = |target: &str| {
        app.get(target).bearer(&token).header("Accept", "text/html, application/json").send()
    };
    for (target, expected) in [
        ("/", "/shop/console/"),
        ("/redoc", "/shop/docs"),
        ("/orders", "/shop/orders/"),
        ("/orders?limit=1", "/shop/orders/?limit=1"),
        ("/auth/me/", "/shop/auth/me"),
        ("/auth/me%2F", "/shop/auth/me"),
        ("/orders/1/?x=/y/", "/shop/orders/1?x=/y/"),
    ] {
        let response = app.get(target).header("Accept", "text/html").send();
        response.assert_status(307);
        let location = resolve(&format!("/shop{target}"), response.header("Location").unwrap());
        assert_eq!(location, expected, "{target}");
        get(location.strip_prefix("/shop").unwrap()).assert_status(200);
    }
    let page = get("/orders/?limit=1");
    let link = page.header("Link").unwrap().strip_prefix('<').unwrap().split('>').next().unwrap();
    let next = resolve("/shop/orders/?limit=1", link);
    assert_eq!(next, "/shop/orders/?limit=1&after=1");
    assert_eq!(get("/openapi.json").json()["servers"], json!([{"url": "./"}]));
}
