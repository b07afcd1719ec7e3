//! Files that earlier versions wrote, with two users, `admin` with `Admin123` and `ann` with
//! `Secure1!`. `version-1.redb` holds four orders with a mail each; `version-2.redb` three,
//! the first under the key `one`, the mail of the third tried once and put off.
//! `version-3.redb` holds four orders, the first under the key `one`, their mails in every state,
//! and users whose names or passwords version 4 would not take, or not take twice.
//! `version-4.redb` holds six orders of Ann's, the first under the key `one`: mails 1 and 4 are
//! sent, 2 is dead, 3 was put off, and 5 and 6 are still in their orders' rows.

use std::fs;
use std::path::Path;

use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};
use serde_json::{Value, json};

use orderd::clock::Clock;
use orderd::domain::{MailId, MessageId, Outcome, UserId};
use orderd::metrics::Metrics;
use orderd::store::{Direction, MailFilter, MailStatus, PlaceOrder, SCHEMA_VERSION, Store};
use support::app::{SECRET_KEY, START_SECS, TestApp};
use support::folder::Folder;

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// A copy of its own: opening a file migrates it.
fn folder(version: u64) -> Folder {
    let fixture = format!("tests/fixtures/version-{version}.redb");
    let folder = Folder::new();
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture), folder.join("orders.redb"))
        .unwrap();
    folder
}

/// With a mail server that refuses connections, so that mails that are due wait.
fn open(version: u64) -> TestApp {
    let no_server = ["--smtp-server=127.0.0.1", "--smtp-port=1", "--smtp-tls=none"];
    let settings = [&["--rate-limit-requests=0"], &no_server[..]].concat();
    TestApp::start_in(folder(version), &settings)
}

fn order(id: u64, user: u64, success: bool, at: &str) -> Value {
    json!({"id": id, "user_id": user, "success": success, "created_at": at})
}

fn ids(list: &Value, key: &str) -> Vec<u64> {
    let rows = list[key].as_array().expect("a list");
    rows.iter().map(|row| row["id"].as_u64().expect("an id")).collect()
}

fn version_and_tables(path: &Path) -> (u64, Vec<String>) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_read().unwrap();
    let meta = transaction.open_table(META).unwrap();
    let version = meta.get("schema_version").unwrap().unwrap().value();
    let mut tables: Vec<_> =
        transaction.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
    tables.sort();
    (version, tables)
}

#[test]
fn the_users_of_version_1_log_in() {
    let app = open(1);
    let admin = app.login("admin", "Admin123").good()["user_info"].clone();
    let expected = json!({
        "id": 1, "username": "admin", "email": "admin@example.com", "role": "admin",
        "created_at": "2026-11-22T16:07:43",
    });
    assert_eq!(admin, expected);
    let ann = app.login("ann", "Secure1!").good()["user_info"].clone();
    assert_eq!((&ann["id"], &ann["role"]), (&json!(2), &json!("user")));
    app.login("ann", "Admin123").assert_status(401);
}

#[test]
fn the_orders_of_version_1_are_listed() {
    let app = open(1);
    let anns =
        [order(1, 2, true, "2026-11-22T16:07:44"), order(2, 2, false, "2026-11-22T16:07:44")];
    let token = app.token("ann", "Secure1!");
    assert_eq!(app.orders(&token).good(), json!({ "orders": anns }));
    let mut all = anns.to_vec();
    all.push(order(3, 1, true, "2026-11-22T16:07:46"));
    all.push(order(4, 1, false, "2026-11-22T16:07:48"));
    let token = app.token("admin", "Admin123");
    assert_eq!(app.orders(&token).good(), json!({ "orders": all }));
}

#[test]
fn the_orders_of_version_1_are_found_by_their_time() {
    let app = open(1);
    let token = app.token("admin", "Admin123");
    for (query, expected) in [
        ("created_from=2026-11-22T16:07:45", vec![3, 4]),
        ("created_to=2026-11-22T16:07:46", vec![1, 2, 3]),
        ("created_from=2026-11-23", vec![]),
        ("created_to=2026-11-21", vec![]),
    ] {
        let list = app.get(&format!("/orders/?{query}")).bearer(&token).send().good();
        assert_eq!(ids(&list, "orders"), expected, "{query}");
    }
}

#[test]
fn the_mails_of_version_1_keep_their_state() {
    let app = open(1);
    let counts = app.app().store().read().unwrap().counts().unwrap();
    let mails = counts.mails_pending + counts.mails_sent + counts.mails_dead;
    assert_eq!((counts.users, counts.orders, mails), (2, 4, 4));
    let token = app.token("admin", "Admin123");
    for (state, expected) in [("pending", vec![4]), ("sent", vec![1, 2]), ("dead", vec![3])] {
        let list = app.get(&format!("/emails/?state={state}")).bearer(&token).send().good();
        assert_eq!(ids(&list, "emails"), expected, "{state}");
    }
}

#[test]
fn new_orders_and_users_go_on_where_version_1_ended() {
    let mut app = open(1);
    let token = app.token("admin", "Admin123");
    assert_eq!(app.create_order(&token, &json!({"success": true})).good()["id"], 5);
    let body = json!({"username": "ben", "email": "ben@example.com", "password": "Secure1!"});
    assert_eq!(app.register(&token, &body).good()["id"], 3);
    let mut taken = body.clone();
    taken["username"] = "ANN".into();
    app.register(&token, &taken).assert_detail(400, "Username already registered");
    app.restart();
    assert_eq!(ids(&app.orders(&token).good(), "orders"), [1, 2, 3, 4, 5]);
}

#[test]
fn a_migrated_file_has_the_version_and_the_tables_of_a_new_one() {
    let folders = [folder(1), folder(2), folder(3), folder(4), Folder::new()];
    for version in [1, 2, 3, 4] {
        let path = folders[version - 1].join("orders.redb");
        assert_eq!(version_and_tables(&path).0, version as u64, "the fixture was touched");
    }
    let copies = folders.map(|folder| {
        // The folder goes with the service: what is compared is a copy.
        let copy = tempfile::NamedTempFile::new().unwrap();
        let path = folder.join("orders.redb");
        let mut app = TestApp::start_in(folder, &[]);
        app.stop();
        fs::copy(path, copy.path()).unwrap();
        copy
    });
    let [olds @ .., new] = copies.map(|copy| version_and_tables(copy.path()));
    olds.iter().for_each(|old| assert_eq!(old, &new));
    assert_eq!(new.0, SCHEMA_VERSION);
}

#[test]
fn the_mails_of_version_2_and_those_of_later_orders_wait_together() {
    let folder = folder(2);
    let (path, clock) = (folder.join("orders.redb"), Clock::system());
    let store = Store::open(&path, clock.clone(), &Metrics::new()).unwrap();
    let (message_id, at) = (MessageId("m@shop.test".into()), clock.now());
    store.write(PlaceOrder::simple(UserId(2), Outcome::Successful, message_id, at)).unwrap();
    let read = store.read().unwrap();
    let ids = |status, after, limit| {
        let filter = MailFilter { status: Some(status), ..MailFilter::default() };
        let after = Some(MailId(after));
        let page = read.mails(&filter, Direction::Ascending, after, limit).unwrap();
        page.mails.iter().map(|mail| mail.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(MailStatus::Pending, 0, 9), [3, 4]);
    assert_eq!(ids(MailStatus::Pending, 0, 1), [3]);
    assert_eq!(ids(MailStatus::Pending, 3, 9), [4]);
    assert_eq!(ids(MailStatus::Sent, 0, 9), [1, 2]);
    assert_eq!(read.counts().unwrap().mails_pending, 2);
    assert_eq!(read.due_mails(at, 9).unwrap().mails.len(), 2);
    assert!(store.check().unwrap().is_sound());
}

#[test]
fn a_key_of_version_2_gives_its_order_again() {
    let app = open(2);
    let token = app.token("ann", "Secure1!");
    let request = app.post("/orders/create").bearer(&token).header("Idempotency-Key", "one");
    let response = request.json(&json!({"success": true})).send();
    response.assert_header("Idempotent-Replayed", "true");
    assert_eq!(response.good()["id"], 1);
}

/// What each name of version 3 leads to, by the email's local part. The names of each pair are one
/// name by now.
const OLD_NAMES: [(&str, &str, &str); 8] = [
    ("ΟΔΟΣ", "c", "Secure1!c"),
    ("οδοσ", "d", "Secure1!d"),
    ("Jose\u{301}", "e", "Secure1!e"),
    ("Jos\u{e9}", "f", "Secure1!f"),
    (" bo ", "g", "Secure1!g"),
    ("bo", "g", "Secure1!g"),
    ("eve\u{200b}", "h", "Secure1!h"),
    ("ZOE", "i", "Se\u{301}cure1!"),
];

#[test]
fn names_and_passwords_of_version_3_go_on_working_also_where_two_are_one_name_by_now() {
    let mut app = open(3);
    for _ in 0..2 {
        for (name, email, password) in OLD_NAMES {
            let user = app.login(name, password).good()["user_info"].clone();
            assert_eq!(user["email"], format!("{email}@example.com"), "{name}");
        }
        assert!(app.app().store().check().unwrap().is_sound());
        app.restart();
    }
    let admin = app.token("admin", "Admin123");
    for taken in ["οδος", "JOSÉ", "Bo"] {
        let body = json!({"username": taken, "email": "n@example.com", "password": "Secure1!"});
        app.register(&admin, &body).assert_detail(400, "Username already registered");
    }
    let disabled = app.post("/auth/users/7/disable").bearer(&admin).send().good();
    assert_eq!(disabled["username"], " bo ");
}

/// Two users each of whom is found by their own spelling of one name.
#[test]
fn a_shared_name_of_version_3_leads_to_the_other_once_one_is_called_otherwise() {
    let app = open(3);
    let admin = app.token("admin", "Admin123");
    let users = app.read(&admin, "/auth/users?q=%CE%9F%CE%94%CE%9F%CE%A3").good()["users"].clone();
    let users = users.as_array().unwrap();
    let [first, second] = &users[..] else { panic!("{users:?}") };
    let update = |user: &Value, body: &Value| {
        app.post(&format!("/auth/users/{}/update", user["id"])).bearer(&admin).json(body).send()
    };
    update(second, &json!({"email": "new@example.com"})).good();
    assert!(app.app().store().check().unwrap().is_sound());
    // A folded name that is the other's too is nobody's to take.
    update(second, &json!({"username": "οδος"})).assert_status(400);
    update(second, &json!({"username": "second"})).good();
    for name in ["ΟΔΟΣ", "οδος", "οδοσ"] {
        assert_eq!(app.login(name, "Secure1!c").good()["user_info"]["id"], first["id"], "{name}");
    }
    assert!(app.app().store().check().unwrap().is_sound());
}

#[test]
fn a_password_that_was_hashed_as_it_was_typed_is_hashed_in_its_normal_form_at_the_next_login() {
    let app = open(3);
    app.login("zoe", "S\u{e9}cure1!").assert_status(401);
    app.login("zoe", "Se\u{301}cure1!").good();
    app.login("zoe", "S\u{e9}cure1!").good();
}

#[test]
fn a_migration_ends_all_tokens() {
    let app = open(3);
    let sign = |ver: u64| {
        let claims = json!({
            "sub": "ann", "user_id": 2, "role": "user", "ver": ver, "iat": START_SECS,
            "exp": START_SECS + 600,
        });
        support::token::sign(SECRET_KEY, &claims)
    };
    let drawn = support::token::verify(SECRET_KEY, &app.token("ann", "Secure1!")).1["ver"].clone();
    app.me(&sign(drawn.as_u64().unwrap())).good();
    // What every user had.
    app.me(&sign(1)).assert_status(401);
}

#[test]
fn the_mails_of_version_4_keep_their_numbers_and_new_ones_come_after_the_last_order() {
    let mut app = open(4);
    let (admin, ann) = (app.token("admin", "Admin123"), app.token("ann", "Secure1!"));
    let first = json!({"success": true});
    let request = app.post("/orders/create").bearer(&ann).header("Idempotency-Key", "one");
    request.json(&first).send().assert_header("Idempotent-Replayed", "true");
    let content = json!({"line_items": [{"name": "Water"}]});
    assert_eq!(app.create_order(&ann, &first).good()["id"], 7);
    assert_eq!(app.create_order(&ann, &content).good()["id"], 8);
    let status = json!({"status": "ready"});
    app.post("/orders/8/status").bearer(&admin).json(&status).send().good();
    app.restart();
    let snapshot = app.app().store().read().unwrap();
    let mail =
        |id| snapshot.mail(MailId(id)).unwrap().map(|mail| (mail.order.id.0, mail.kind_name()));
    let expected = [
        (1, "order_success"),
        (2, "order_failed"),
        (3, "order_success"),
        (4, "order_failed"),
        (5, "order_success"),
        (6, "order_success"),
        (7, "order_success"),
        (8, "order_placed"),
        (8, "order_ready"),
    ];
    for (id, expected) in (1..).zip(expected) {
        assert_eq!(mail(id), Some(expected), "mail {id}");
    }
    assert_eq!(mail(10), None);
    assert!(app.app().store().check().unwrap().is_sound());
}
