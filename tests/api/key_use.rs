//! What a key may be used for, and until when.

use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};
use support::token;

use crate::hanging_disk::Disk;
use crate::keys::{GONE, START, create, ids, key, keys, revoke};

const CLOSED: &str = "Not allowed with a key";

fn set_disabled(app: &TestApp, id: u64, action: &str) {
    app.post(&format!("/auth/users/{id}/{action}")).bearer(&app.admin()).send().good();
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
            let schemes = operation["security"].as_array().unwrap();
            let named = schemes.iter().any(|scheme| scheme["key"].is_array());
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
fn a_changed_role_counts_from_the_next_request_and_a_logout_leaves_a_key() {
    let app = TestApp::start();
    let ann = app.user("ann");
    let (_, key) = key(&app, &ann, "till");
    app.read(&key, "/emails/").assert_status(403);
    for (role, status) in [("admin", 200), ("user", 403)] {
        let update = app.post("/auth/users/2/update").bearer(&app.admin());
        update.json(&json!({ "role": role })).send().good();
        app.read(&key, "/emails/").assert_status(status);
        assert_eq!(app.me(&key).good()["role"], role);
    }
    app.me(&ann).assert_status(401);
    let again = app.token("ann", PASSWORD);
    app.post("/auth/logout").bearer(&again).send().assert_status(204);
    app.me(&again).assert_status(401);
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
    let refused = create(&app, &key, &json!({}));
    disk.await_a_hanging_sync();
    drop(hanging);
    refused.assert_detail(403, CLOSED);
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
