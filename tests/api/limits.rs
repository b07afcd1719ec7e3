use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};
use support::response::Response;

const WRONG: &str = "Wrong1!!";

fn login(app: &TestApp, address: &str, username: &str, password: &str) -> Response {
    let body = json!({"username": username, "password": password});
    app.post("/auth/login").from(address).json(&body).send()
}

#[track_caller]
fn assert_limited(response: &Response, text: &str, retry_after: u64) {
    let text = format!("Rate limit exceeded: {text}");
    response.assert_json(429, &json!({"error": text, "detail": text}));
    response.assert_header("Retry-After", &retry_after.to_string());
}

#[track_caller]
fn assert_standing(response: &Response, name: &str, remaining: u32, next_secs: u64) {
    response.assert_header("RateLimit-Policy", &format!("\"{name}\";q=5;w=60"));
    response.assert_header("RateLimit", &format!("\"{name}\";r={remaining};t={next_secs}"));
}

#[track_caller]
fn assert_unlimited(response: &Response) {
    for name in ["RateLimit", "RateLimit-Policy", "Retry-After"] {
        response.assert_no_header(name);
    }
}

fn order() -> Value {
    json!({"success": true})
}

#[test]
fn the_sixth_login_of_a_minute_is_refused() {
    let app = TestApp::limited();
    for remaining in (0..5).rev() {
        let response = login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD);
        response.good();
        assert_standing(&response, "login", remaining, 12);
    }
    let refused = login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD);
    assert_limited(&refused, "5 per 1 minute", 12);
    assert_standing(&refused, "login", 0, 12);
}

#[test]
fn a_token_comes_back_every_twelve_seconds_and_waits_are_rounded_up() {
    let app = TestApp::limited();
    for _ in 0..5 {
        login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).good();
    }
    app.clock.advance(std::time::Duration::from_millis(11_001));
    assert_limited(&login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD), "5 per 1 minute", 1);
    app.clock.advance(std::time::Duration::from_millis(999));
    login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).good();
    assert_limited(&login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD), "5 per 1 minute", 12);
    app.advance_secs(60);
    for _ in 0..5 {
        login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).good();
    }
    login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).assert_status(429);
}

#[test]
fn logins_count_by_address_whatever_authorization_says() {
    let app = TestApp::limited();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let token = login(&app, "192.0.2.9", "admin", ADMIN_PASSWORD).good();
    let token = token["access_token"].as_str().unwrap();
    for _ in 0..5 {
        app.post("/auth/login").from("192.0.2.1").json(&body).send().good();
    }
    let request = app.post("/auth/login").from("192.0.2.1").bearer(token).json(&body);
    request.send().assert_status(429);
    login(&app, "192.0.2.2", "admin", ADMIN_PASSWORD).good();
}

#[test]
fn the_hosts_of_one_ipv6_network_count_as_one() {
    let app = TestApp::limited();
    for host in 1..=5 {
        login(&app, &format!("2001:db8:1:2::{host}"), "admin", ADMIN_PASSWORD).good();
    }
    login(&app, "2001:db8:1:2:ffff:ffff::1", "admin", ADMIN_PASSWORD).assert_status(429);
    login(&app, "2001:db8:1:3::1", "admin", ADMIN_PASSWORD).good();
}

#[test]
fn an_ipv4_address_in_the_dress_of_ipv6_is_the_same_address() {
    let app = TestApp::limited();
    for _ in 0..5 {
        login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).good();
    }
    login(&app, "::ffff:192.0.2.1", "admin", ADMIN_PASSWORD).assert_status(429);
}

#[test]
fn orders_count_by_user() {
    let app = TestApp::limited();
    let (ann, admin) = (app.user("ann"), app.admin());
    for remaining in (0..5).rev() {
        let response = app.create_order(&ann, &order());
        response.good();
        assert_standing(&response, "orders", remaining, 12);
    }
    let request = app.post("/orders/create").bearer(&ann).from("203.0.113.7").json(&order());
    let refused = request.send();
    assert_limited(&refused, "5 per 1 minute", 12);
    assert_standing(&refused, "orders", 0, 12);
    app.create_order(&admin, &order()).good();
    assert_eq!(app.orders(&ann).good()["orders"].as_array().unwrap().len(), 5);
}

#[test]
fn registrations_count_by_user_and_apart_from_orders() {
    let app = TestApp::limited();
    let admin = app.admin();
    for number in 0..5 {
        app.create_order(&admin, &order()).good();
        let body = json!({
            "username": format!("u{number}"), "email": format!("u{number}@example.com"),
            "password": PASSWORD,
        });
        let response = app.register(&admin, &body);
        response.good();
        assert_standing(&response, "register", 4 - number, 12);
    }
    let refused = app.register(&admin, &json!({}));
    assert_limited(&refused, "5 per 1 minute", 12);
    assert_standing(&refused, "register", 0, 12);
}

#[test]
fn what_is_refused_behind_the_limiter_costs_a_token_and_shows_it() {
    let app = TestApp::limited();
    let ann = app.user("ann");
    let forbidden = app.register(&ann, &json!({}));
    forbidden.assert_detail(403, "Admin privileges required");
    assert_standing(&forbidden, "register", 4, 12);
    let invalid = app.create_order(&ann, &json!({}));
    invalid.assert_status(422);
    assert_standing(&invalid, "orders", 4, 12);
    let incomplete = app.post("/auth/login").from("192.0.2.8").json(&json!({})).send();
    incomplete.assert_status(422);
    assert_standing(&incomplete, "login", 4, 12);
}

#[test]
fn what_is_refused_ahead_of_the_limiter_costs_nothing() {
    let app = TestApp::limited();
    let ann = app.user("ann");
    for _ in 0..10 {
        let bad_json = app.post("/orders/create").bearer(&ann).body("{").send();
        bad_json.assert_status(422);
        assert_unlimited(&bad_json);
        let media = app.post("/orders/create").bearer(&ann).header("Content-Type", "text/plain");
        let media = media.body("{}").send();
        media.assert_status(415);
        assert_unlimited(&media);
        let nobody = app.post("/orders/create").json(&order()).send();
        nobody.assert_status(401);
        assert_unlimited(&nobody);
        let bad_login = app.post("/auth/login").from("192.0.2.8").body("[").send();
        bad_login.assert_status(422);
        assert_unlimited(&bad_login);
    }
    assert_standing(&app.create_order(&ann, &order()), "orders", 4, 12);
    let login = login(&app, "192.0.2.8", "ann", PASSWORD);
    login.good();
    assert_standing(&login, "login", 4, 12);
}

#[test]
fn reads_are_not_limited() {
    let app = TestApp::limited();
    let admin = app.admin();
    for _ in 0..20 {
        for target in ["/", "/health", "/metrics", "/auth/me", "/orders/"] {
            let response = app.get(target).bearer(&admin).send();
            response.assert_status(200);
            assert_unlimited(&response);
        }
    }
}

#[test]
fn creates_of_orders_have_a_limit_of_their_own() {
    let app = TestApp::start_with(&["--rate-limit-orders=7"]);
    let admin = app.admin();
    let response = app.create_order(&admin, &order());
    response.good();
    response.assert_header("RateLimit-Policy", "\"orders\";q=7;w=60");
    for _ in 1..7 {
        app.create_order(&admin, &order()).good();
    }
    assert_limited(&app.create_order(&admin, &order()), "7 per 1 minute", 9);
    app.create_order(&app.user("ann"), &order()).good();
    // The second, after Ann's.
    let registered = app.register(&admin, &json!({}));
    assert_standing(&registered, "register", 3, 12);
}

#[test]
fn zero_orders_lift_the_limit_of_creates_alone() {
    let app = TestApp::start_with(&["--rate-limit-orders=0", "--trusted-proxies=127.0.0.1"]);
    let admin = app.admin();
    for _ in 0..10 {
        let response = app.create_order(&admin, &order());
        response.good();
        assert_unlimited(&response);
    }
    assert_standing(&app.register(&admin, &json!({})), "register", 4, 12);
    assert_standing(&login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD), "login", 4, 12);
}

#[test]
fn a_limit_of_creates_holds_where_the_others_are_off() {
    let app = TestApp::start_with(&["--rate-limit-requests=0", "--rate-limit-orders=1"]);
    let admin = app.admin();
    app.create_order(&admin, &order()).good();
    assert_limited(&app.create_order(&admin, &order()), "1 per 1 minute", 60);
    assert_unlimited(&app.register(&admin, &json!({})));
    assert_unlimited(&login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD));
}

#[test]
fn zero_requests_switch_it_all_off() {
    let app = TestApp::start_with(&["--rate-limit-requests=0"]);
    let admin = app.admin();
    for _ in 0..10 {
        let response = app.login("admin", WRONG);
        response.assert_status(401);
        assert_unlimited(&response);
        let response = app.create_order(&admin, &order());
        response.good();
        assert_unlimited(&response);
    }
}

#[test]
fn the_window_is_told_in_the_largest_unit_that_divides_it() {
    for (secs, text) in [
        ("1", "1 per 1 second"),
        ("30", "1 per 30 seconds"),
        ("60", "1 per 1 minute"),
        ("90", "1 per 90 seconds"),
        ("3600", "1 per 1 hour"),
        ("7200", "1 per 2 hours"),
    ] {
        let window = format!("--rate-limit-window={secs}");
        let app = TestApp::start_with(&["--rate-limit-requests=1", &window]);
        let admin = app.admin();
        app.create_order(&admin, &order()).good();
        let refused = app.create_order(&admin, &order());
        assert_limited(&refused, text, secs.parse().unwrap());
        refused.assert_header("RateLimit-Policy", &format!("\"orders\";q=1;w={secs}"));
        refused.assert_header("RateLimit", &format!("\"orders\";r=0;t={secs}"));
    }
}

#[test]
fn a_stranger_s_x_forwarded_for_is_not_believed() {
    let app = TestApp::start_with(&["--trusted-proxies=192.0.2.0/24"]);
    for host in 1..=5 {
        login(&app, &format!("198.51.100.{host}"), "admin", ADMIN_PASSWORD).good();
    }
    login(&app, "198.51.100.6", "admin", ADMIN_PASSWORD).assert_status(429);
}

#[test]
fn of_a_chain_of_proxies_the_rightmost_untrusted_one_counts() {
    let app = TestApp::start_with(&["--trusted-proxies=127.0.0.0/8, 10.0.0.1"]);
    for spoofed in 1..=5 {
        let chain = format!("203.0.113.{spoofed}, 192.0.2.1, 10.0.0.1");
        login(&app, &chain, "admin", ADMIN_PASSWORD).good();
    }
    login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).assert_status(429);
    login(&app, "192.0.2.1,10.0.0.2", "admin", ADMIN_PASSWORD).good();
}

#[test]
fn several_lines_of_x_forwarded_for_are_one_list() {
    let app = TestApp::limited();
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    for spoofed in 1..=5 {
        let request = app.post("/auth/login").from(&format!("203.0.113.{spoofed}"));
        request.from("192.0.2.1").json(&body).send().good();
    }
    login(&app, "192.0.2.1", "admin", ADMIN_PASSWORD).assert_status(429);
}

#[test]
fn an_ipv6_proxy_list_holds_networks_and_addresses() {
    let app = TestApp::start_with(&["--trusted-proxies=127.0.0.1,2001:db8:ffff::/48"]);
    for host in 1..=5 {
        let chain = format!("192.0.2.{host}, 2001:db8:ffff::{host}");
        login(&app, &chain, "admin", ADMIN_PASSWORD).good();
    }
    for _ in 0..5 {
        login(&app, "192.0.2.77, 2001:db8:ffff::9", "admin", ADMIN_PASSWORD).good();
    }
    login(&app, "192.0.2.77", "admin", ADMIN_PASSWORD).assert_status(429);
}
