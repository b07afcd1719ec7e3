//! Keys for machines: made, listed, revoked.

use serde_json::{Value, json};

use support::app::TestApp;
use support::response::Response;

pub const GONE: &str = "Could not validate credentials";
const DAY: u64 = 86_400;
/// When the clock of a test begins.
pub const START: &str = "2025-10-07T05:58:11Z";

pub fn create(app: &TestApp, token: &str, body: &Value) -> Response {
    app.post("/auth/keys/create").bearer(token).json(body).send()
}

/// A new key of that name: its id, and its text.
#[track_caller]
pub fn key(app: &TestApp, token: &str, name: &str) -> (u64, String) {
    let made = create(app, token, &json!({ "name": name })).good();
    (made["id"].as_u64().unwrap(), made["key"].as_str().unwrap().to_owned())
}

#[track_caller]
pub fn keys(app: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let list = app.read(token, &format!("/auth/keys/{query}")).good();
    assert_eq!(list.as_object().unwrap().len(), 1, "{list}");
    list["keys"].as_array().unwrap().clone()
}

pub fn ids(keys: &[Value]) -> Vec<u64> {
    keys.iter().map(|key| key["id"].as_u64().unwrap()).collect()
}

pub fn revoke(app: &TestApp, token: &str, id: impl std::fmt::Display) -> Response {
    app.post(&format!("/auth/keys/{id}/revoke")).bearer(token).send()
}

#[test]
fn a_key_is_shown_when_it_is_made() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let body = json!({"name": " Kiosk ", "expires_at": "2025-10-07T08:58:11.9+02:00"});
    let response = create(&app, &ann, &body);
    let made = response.good();
    let key = made["key"].as_str().unwrap();
    let expected = json!({
        "id": 1, "name": "Kiosk", "key": key, "created_at": START,
        "expires_at": "2025-10-07T06:58:11Z",
    });
    response.assert_json(200, &expected);
    let secret = key.strip_prefix("orderd_").unwrap();
    assert_eq!(secret.len(), 43);
    assert!(secret.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)), "{key}");
    let endless = create(&app, &ann, &json!({"name": "Kiosk", "expires_at": null})).good();
    assert_eq!((&endless["id"], &endless["expires_at"]), (&json!(2), &Value::Null));
    assert_ne!(endless["key"], key);
}

#[test]
fn a_name_has_1_to_64_characters_and_an_end_lies_ahead_and_has_a_zone() {
    let app = TestApp::start();
    let ann = app.user("ann");
    create(&app, &ann, &json!({"name": "ü".repeat(64)})).good();
    let fault = |body: Value| {
        let response = create(&app, &ann, &body);
        response.assert_status(422);
        let faults = response.json()["detail"].as_array().unwrap().clone();
        assert_eq!(faults.len(), 1, "{body}: {faults:?}");
        (faults[0]["loc"][1].as_str().unwrap().to_owned(), faults[0]["type"].clone())
    };
    for (name, kind) in [
        (json!(""), "string_too_short"),
        (json!("  "), "string_too_short"),
        (json!("x".repeat(65)), "string_too_long"),
        (json!("a\nb"), "value_error"),
        (json!(7), "string_type"),
        (Value::Null, "string_type"),
    ] {
        assert_eq!(fault(json!({ "name": name })), ("name".into(), kind.into()), "{name}");
    }
    for end in [
        "2025-10-07T05:58:12",
        "2025-10-08",
        "soon",
        "",
        // Now, and the last second before it.
        START,
        "2025-10-07T05:58:11.999999Z",
        "2025-10-07T05:58:10Z",
        "2025-10-07T06:58:11+01:00",
        "1969-01-01T00:00:00Z",
    ] {
        let body = json!({"name": "x", "expires_at": end});
        assert_eq!(fault(body), ("expires_at".into(), "value_error".into()), "{end}");
    }
    assert_eq!(fault(json!({"name": "x", "expires_at": 1_900_000_000})).1, "string_type");
    assert_eq!(fault(json!({"name": "x", "user_id": 1})).1, "extra_forbidden");
    assert_eq!(fault(json!({})).1, "missing");
    let both = create(&app, &ann, &json!({"name": "", "expires_at": START}));
    assert_eq!(both.json()["detail"].as_array().unwrap().len(), 2, "all faults at once");
    create(&app, &ann, &json!({"name": "x", "expires_at": "2025-10-07T05:58:12Z"})).good();
    assert_eq!(keys(&app, &ann, "").len(), 2);
}

#[test]
fn a_list_has_the_keys_of_one_user_and_never_what_they_are_used_with() {
    let app = TestApp::start();
    let (ann, ben) = (app.user("ann"), app.user("ben"));
    let body = json!({"name": "till", "expires_at": "2030-01-01T00:00:00Z"});
    let made = create(&app, &ann, &body).good();
    key(&app, &ben, "ben's");
    app.advance_secs(60);
    let (third, _) = key(&app, &ann, "kiosk");
    revoke(&app, &ann, third).assert_status(204);
    let anns = [
        json!({
            "id": 1, "name": "till", "created_at": START, "expires_at": "2030-01-01T00:00:00Z",
            "last_used_at": null, "revoked_at": null,
        }),
        json!({
            "id": 3, "name": "kiosk", "created_at": "2025-10-07T05:59:11Z", "expires_at": null,
            "last_used_at": null, "revoked_at": "2025-10-07T05:59:11Z",
        }),
    ];
    let response = app.read(&ann, "/auth/keys/");
    response.assert_json(200, &json!({ "keys": anns }));
    assert!(!response.text().contains(made["key"].as_str().unwrap()));
    assert_eq!(ids(&keys(&app, &ben, "")), [2]);
    let admin = app.admin();
    assert!(keys(&app, &admin, "").is_empty());
    assert_eq!(keys(&app, &admin, "?user_id=2"), anns);
    assert!(keys(&app, &admin, "?user_id=99").is_empty());
    for (token, query) in [(&ann, "?user_id=3"), (&ann, "?user_id=2")] {
        let response = app.read(token, &format!("/auth/keys/{query}"));
        response.assert_detail(403, "Admin privileges required");
    }
    for (query, name, input) in
        [("user_id=0", "user_id", "0"), ("user_id=x", "user_id", "x"), ("limit=1", "limit", "1")]
    {
        app.read(&admin, &format!("/auth/keys/?{query}")).assert_bad_parameter(name, input);
    }
    app.get("/auth/keys/").send().assert_detail(401, "Not authenticated");
    app.get("/auth/keys").send().assert_header("Location", "./keys/");
}

#[test]
fn a_revoked_key_ends_at_once_and_for_good() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let (id, revoked) = key(&app, &ann, "till");
    let (_, other) = key(&app, &ann, "kiosk");
    app.me(&revoked).good();
    let response = revoke(&app, &ann, id);
    response.assert_status(204);
    assert!(response.body.is_empty());
    app.me(&revoked).assert_detail(401, GONE);
    app.me(&revoked).assert_detail(401, GONE);
    app.me(&other).good();
    app.advance_secs(100);
    revoke(&app, &ann, id).assert_status(204);
    assert_eq!(keys(&app, &ann, "")[0]["revoked_at"], START);
    app.me(&ann).good();
}

#[test]
fn users_revoke_their_own_keys_and_admins_any() {
    let app = TestApp::start();
    let (ann, ben, admin) = (app.user("ann"), app.user("ben"), app.admin());
    let (id, anns) = key(&app, &ann, "till");
    let (admins, _) = key(&app, &admin, "office");
    for id in [id, admins, 99] {
        revoke(&app, &ben, id).assert_detail(404, "Not Found");
    }
    revoke(&app, &admin, 99).assert_detail(404, "Not Found");
    let invalid = revoke(&app, &admin, "0");
    invalid.assert_status(422);
    assert_eq!(invalid.json()["detail"][0]["loc"], json!(["path", "key_id"]));
    app.post(&format!("/auth/keys/{id}/revoke")).send().assert_detail(401, "Not authenticated");
    app.me(&anns).good();
    revoke(&app, &admin, id).assert_status(204);
    app.me(&anns).assert_detail(401, GONE);
}

#[test]
fn a_user_has_at_most_32_active_keys() {
    let app = TestApp::start();
    let (ann, ben) = (app.user("ann"), app.user("ben"));
    for number in 0..31 {
        key(&app, &ann, &format!("{number}"));
    }
    let short = json!({"name": "short", "expires_at": "2025-10-07T05:59:11Z"});
    create(&app, &ann, &short).good();
    let more = json!({"name": "one more"});
    create(&app, &ann, &more).assert_detail(409, "There are 32 active keys already");
    key(&app, &ben, "another's");
    revoke(&app, &ann, 1).assert_status(204);
    key(&app, &ann, "in its place");
    create(&app, &ann, &more).assert_status(409);
    app.advance_secs(60);
    key(&app, &ann, "in the place of the one that has expired");
    create(&app, &ann, &more).assert_status(409);
    assert_eq!(keys(&app, &ann, "").len(), 34);
}

/// Made and revoked again and again they would be rows without a bound.
#[test]
fn keys_that_have_ended_are_bounded_too() {
    let app = TestApp::start();
    let ann = app.user("ann");
    for number in 0..1000 {
        let (id, _) = key(&app, &ann, &format!("{number}"));
        revoke(&app, &ann, id).assert_status(204);
    }
    let refused = create(&app, &ann, &json!({"name": "one more"}));
    assert_eq!(refused.status, 409);
    assert_eq!(keys(&app, &ann, "").len(), 1000);
}

#[test]
fn a_key_that_has_ended_is_listed_for_30_days() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let (revoked, _) = key(&app, &ann, "revoked");
    let body = json!({"name": "expires", "expires_at": "2025-10-07T06:58:11Z"});
    create(&app, &ann, &body).good();
    let (_, active) = key(&app, &ann, "active");
    revoke(&app, &ann, revoked).assert_status(204);
    app.advance_secs(30 * DAY - 1);
    assert_eq!(ids(&keys(&app, &active, "")), [1, 2, 3]);
    app.advance_secs(1);
    assert_eq!(ids(&keys(&app, &active, "")), [2, 3]);
    app.advance_secs(3600);
    assert_eq!(ids(&keys(&app, &active, "")), [3]);
}
