//! Keys for machines: `/auth/keys/`, and what a key may be used for.

use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};
use support::response::Response;
use support::token;

use crate::hanging_disk::Disk;

const GONE: &str = "Could not validate credentials";
const CLOSED: &str = "Not allowed with a key";
const DAY: u64 = 86_400;
/// When the clock of a test begins.
const START: &str = "2025-10-07T05:58:11Z";

fn create(app: &TestApp, token: &str, body: &Value) -> Response {
    app.post("/auth/keys/create").bearer(token).json(body).send()
}

/// A new key of that name: its id, and its text.
#[track_caller]
fn key(app: &TestApp, token: &str, name: &str) -> (u64, String) {
    let made = create(app, token, &json!({ "name": name })).good();
    (made["id"].as_u64().unwrap(), made["key"].as_str().unwrap().to_owned())
}

#[track_caller]
fn keys(app: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let list = app.read(token, &format!("/auth/keys/{query}")).good();
    assert_eq!(list.as_object().unwrap().len(), 1, "{list}");
    list["keys"].as_array().unwrap().clone()
}

fn ids(keys: &[Value]) -> Vec<u64> {
    keys.iter().map(|key| key["id"].as_u64().unwrap()).collect()
}

fn revoke(app: &TestApp, token: &str, id: impl std::fmt::Display) -> Response {
    app.post(&format!("/auth/keys/{id}/revoke")).bearer(token).send()
}

fn set_disabled(app: &TestApp, id: u64, action: &str) {
    app.post(&format!("/auth/users/{id}/{action}")).bearer(&app.admin()).send().good();
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
fn a_key_stands_for_its_user() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let (_, key) = key(&app, &ann, "till");
    assert_eq!(app.me(&key).good(), app.me(&ann).good());
    let order = app.create_order(&key, &json!({"success": true})).good();
    assert_eq!(order["user_id"], 2);
    assert_eq!(app.orders(&key).good(), app.orders(&ann).good());
    app.get("/auth/me").header("Authorization", &format!("bEARER  {key} ")).send().good();
    app.read(&key, "/emails/").assert_detail(403, "Admin privileges required");
    assert_eq!(keys(&app, &key, "").len(), 1);
    app.get("/auth/me").header("Authorization", &key).send().assert_status(401);
}

#[test]
fn a_key_of_an_admin_has_an_admins_rights() {
    let app = TestApp::start();
    let (ann, admin) = (app.user("ann"), app.admin());
    app.create_order(&ann, &json!({"success": true})).good();
    key(&app, &ann, "till");
    let (_, key) = key(&app, &admin, "head office");
    assert_eq!(app.orders(&key).good()["orders"].as_array().unwrap().len(), 1);
    app.read(&key, "/emails/").good();
    app.read(&key, "/orders/counts").good();
    assert_eq!(ids(&keys(&app, &key, "?user_id=2")), [1]);
}

#[test]
fn a_key_and_a_token_of_a_user_spend_from_one_bucket() {
    let app = TestApp::limited();
    let admin = app.admin();
    let (_, key) = key(&app, &admin, "till");
    for token in [&key, &admin, &key, &admin, &key] {
        app.create_order(token, &json!({"success": true})).good();
    }
    app.create_order(&key, &json!({"success": true})).assert_status(429);
    app.create_order(&admin, &json!({"success": true})).assert_status(429);
}

/// Every operation of the document is asked with an admin's key.
#[test]
fn a_key_is_403_where_credentials_the_host_or_webhooks_are_changed_and_nowhere_else() {
    let app = TestApp::start();
    let (_, key) = key(&app, &app.admin(), "head office");
    let document = app.get("/openapi.json").send().good();
    let (mut closed, mut open) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !operation["security"].is_array() {
                continue;
            }
            let is_open = match path.split('/').nth(1).unwrap() {
                "auth" => method == "get" && ["/auth/me", "/auth/keys/"].contains(&path.as_str()),
                "admin" => false,
                "webhooks" => method == "get",
                _ => true,
            };
            let parts = path.split('/').map(|part| if part.starts_with('{') { "7" } else { part });
            let target = parts.collect::<Vec<_>>().join("/");
            // Nothing of the body is looked at.
            let request = app.request(&method.to_uppercase(), &target).bearer(&key);
            let response = request.json(&json!({})).send();
            match is_open {
                true => assert!(![401, 403].contains(&response.status), "{method} {path}"),
                false => response.assert_detail(403, CLOSED),
            }
            (closed, open) = (closed + u32::from(!is_open), open + u32::from(is_open));
            let named = operation["security"][1]["key"].is_array();
            assert_eq!(named, is_open, "the document of {method} {path}");
        }
    }
    assert!(closed >= 11 && open >= 13, "{closed} {open}");
}

#[test]
fn a_key_makes_no_key_and_ends_none_and_changes_no_account() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let (id, key) = key(&app, &ann, "till");
    create(&app, &key, &json!({"name": "another"})).assert_detail(403, CLOSED);
    create(&app, &key, &json!({})).assert_detail(403, CLOSED);
    revoke(&app, &key, id).assert_detail(403, CLOSED);
    revoke(&app, &key, "x").assert_detail(403, CLOSED);
    let change = json!({"old_password": PASSWORD, "new_password": "Fresh-pa55"});
    let request = app.post("/auth/password").bearer(&key).json(&change).send();
    request.assert_detail(403, CLOSED);
    app.request("HEAD", "/admin/status").bearer(&key).send().assert_status(403);
    app.request("HEAD", "/auth/me").bearer(&key).send().assert_status(200);
    assert_eq!(ids(&keys(&app, &ann, "")), [id]);
    app.me(&key).good();
    app.login("ann", PASSWORD).good();
}

#[test]
fn whoever_needs_no_credentials_is_not_asked_for_good_ones() {
    let app = TestApp::start();
    let (id, key) = key(&app, &app.admin(), "till");
    revoke(&app, &app.admin(), id).assert_status(204);
    let login = json!({"username": "admin", "password": ADMIN_PASSWORD});
    app.post("/auth/login").bearer(&key).json(&login).send().good();
    app.read(&key, "/health").good();
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
fn a_key_ends_at_the_second_of_its_expiry() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let body = json!({"name": "till", "expires_at": "2025-10-07T05:59:11Z"});
    let key = create(&app, &ann, &body).good()["key"].as_str().unwrap().to_owned();
    app.advance_secs(59);
    app.me(&key).good();
    app.clock.advance(std::time::Duration::from_micros(999_999));
    app.me(&key).good();
    app.clock.advance(std::time::Duration::from_micros(1));
    app.me(&key).assert_detail(401, GONE);
    assert_eq!(keys(&app, &ann, "").len(), 1);
}

#[test]
fn a_key_rests_while_its_user_is_disabled_and_a_password_change_leaves_it() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let (_, key) = key(&app, &ann, "till");
    app.me(&key).good();
    set_disabled(&app, 2, "disable");
    app.me(&key).assert_detail(401, GONE);
    app.create_order(&key, &json!({"success": true})).assert_detail(401, GONE);
    set_disabled(&app, 2, "enable");
    app.me(&key).good();
    let body = json!({"new_password": "Fresh-pa55"});
    app.post("/auth/users/2/password").bearer(&app.admin()).json(&body).send().assert_status(204);
    app.me(&ann).assert_status(401);
    app.me(&key).good();
}

#[test]
fn what_is_no_key_is_refused() {
    let app = TestApp::start();
    let (_, key) = key(&app, &app.admin(), "till");
    let last = if key.ends_with('A') { "E" } else { "A" };
    let unknown = format!("{}{last}", &key[..key.len() - 1]);
    for wrong in [
        unknown.as_str(),
        "orderd_",
        &key[..key.len() - 1],
        &key[1..],
        &key.to_uppercase(),
        &key.replace("orderd_", "ORDERD_"),
        &format!("{key}A"),
        &format!("orderd_{}", "x".repeat(5000)),
    ] {
        app.me(wrong).assert_detail(401, GONE);
        app.me(wrong).assert_detail(401, GONE);
    }
    app.me(&key).good();
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

#[test]
fn the_last_use_is_told_at_once_and_written_down_once_an_hour() {
    let mut app = TestApp::start();
    let ann = app.user("ann");
    let (_, key) = key(&app, &ann, "till");
    let last_use = |app: &TestApp| {
        let token = app.token("ann", PASSWORD);
        keys(app, &token, "")[0]["last_used_at"].clone()
    };
    assert_eq!(last_use(&app), Value::Null);
    app.me(&key).good();
    assert_eq!(last_use(&app), START);
    app.advance_secs(3599);
    app.me(&key).good();
    assert_eq!(last_use(&app), "2025-10-07T06:58:10Z");
    app.restart();
    // What a stop forgets.
    assert_eq!(last_use(&app), START);
    app.me(&key).good();
    app.restart();
    assert_eq!(last_use(&app), START);
    app.advance_secs(1);
    app.me(&key).good();
    app.restart();
    assert_eq!(last_use(&app), "2025-10-07T06:58:11Z");
    assert!(app.app().store().check().unwrap().is_sound());
}

#[test]
fn no_request_waits_until_the_use_of_its_key_is_written_down() {
    let disk = Disk::default();
    let app = TestApp::start_on(&disk, &[]);
    let (_, key) = key(&app, &app.user("ann"), "till");
    let hanging = disk.hang_after("till");
    // Which looks at nothing but the key.
    create(&app, &key, &json!({})).assert_detail(403, CLOSED);
    disk.await_a_hanging_sync();
    drop(hanging);
    assert_eq!(keys(&app, &key, "")[0]["last_used_at"], START);
}

#[test]
fn what_is_stored_of_a_key_is_its_hash() {
    let mut app = TestApp::start();
    let (_, key) = key(&app, &app.admin(), "the name of it");
    app.me(&key).good();
    app.stop();
    let file = app.folder().read("orders.redb");
    let holds = |bytes: &[u8]| file.windows(bytes.len()).any(|it| it == bytes);
    assert!(holds(b"the name of it") && holds(&token::sha256(&key)));
    assert!(!holds(key.as_bytes()) && !holds(&key.as_bytes()["orderd_".len()..]));
}

#[test]
fn a_key_outlives_a_restart_and_so_does_its_end() {
    let mut app = TestApp::start();
    let ann = app.user("ann");
    let (id, revoked) = key(&app, &ann, "revoked");
    let (_, active) = key(&app, &ann, "active");
    revoke(&app, &ann, id).assert_status(204);
    app.restart();
    app.me(&active).good();
    app.me(&revoked).assert_detail(401, GONE);
    let (next, _) = key(&app, &app.token("ann", PASSWORD), "next");
    assert_eq!(next, 3);
}
