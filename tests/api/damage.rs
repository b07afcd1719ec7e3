//! Rows that can't be read: each costs itself, and none that stands beside it.

use redb::{Database, Key, TableDefinition};
use serde_json::{Value, json};

use orderd::clock::Timestamp;
use orderd::domain::{MailId, OrderId};
use orderd::store::{Attempt, MailMark, MarkMails};
use support::app::{START_SECS, TestApp};

use crate::keys;
use crate::order_content::shop::Shop;

pub const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");
pub const ORDERS: TableDefinition<u64, &[u8]> = TableDefinition::new("orders");
const API_KEYS: TableDefinition<u64, &[u8]> = TableDefinition::new("api_keys");
const MAILS_SENT: TableDefinition<u64, &[u8]> = TableDefinition::new("mails_sent");
const MAILS_DEAD: TableDefinition<u64, &[u8]> = TableDefinition::new("mails_dead");

/// Makes a row one that can't be read, between a stop and a start.
pub fn spoil<K: Key + 'static>(
    app: &mut TestApp,
    table: TableDefinition<K, &'static [u8]>,
    key: K::SelfType<'_>,
) {
    app.stop();
    let database = Database::open(app.folder().join("orders.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let known =
        write.open_table(table).unwrap().insert(key, [0xff; 3].as_slice()).unwrap().is_some();
    assert!(known, "there is no such row");
    write.commit().unwrap();
    drop(database);
    app.restart();
}

#[track_caller]
fn assert_found(app: &TestApp, what: &str) {
    let check = app.app().store().check().unwrap();
    assert!(check.faults.iter().any(|it| it.contains(what)), "{what}: {:?}", check.faults);
}

#[test]
fn a_key_that_cannot_be_read_leaves_its_user_the_others() {
    let mut app = TestApp::start();
    let ann = app.user("ann");
    let (_, spoilt) = keys::key(&app, &ann, "till");
    let (second, good) = keys::key(&app, &ann, "kiosk");
    spoil(&mut app, API_KEYS, 1);
    assert_eq!(app.me(&spoilt).status, 500);
    app.me(&good).good();
    assert_eq!(keys::ids(&keys::keys(&app, &ann, "")), [second]);
    let (third, _) = keys::key(&app, &ann, "hall");
    assert_eq!(keys::ids(&keys::keys(&app, &ann, "")), [second, third]);
    keys::revoke(&app, &ann, second).assert_status(204);
    assert_found(&app, "API key 1");
}

#[test]
fn a_mail_that_cannot_be_read_is_left_out_of_lists() {
    let mut app = TestApp::cut_off();
    let admin = app.admin();
    for _ in 0..6 {
        app.create_order(&admin, &json!({"success": true})).good();
    }
    let mark = |id: u64, attempt: Attempt| {
        let marks = vec![MailMark { id: MailId(id), order: OrderId(id), attempt }];
        let at = Timestamp::from_secs(START_SECS);
        app.app().store().write(MarkMails { marks, at }).unwrap();
    };
    (1..=2).for_each(|id| mark(id, Attempt::Sent));
    (3..=4).for_each(|id| mark(id, Attempt::Died { error: "550".into() }));
    spoil(&mut app, MAILS_SENT, 1);
    spoil(&mut app, MAILS_DEAD, 3);
    spoil(&mut app, ORDERS, 5);
    let listed = |query: &str| {
        let list = app.read(&admin, &format!("/emails/?{query}")).good();
        let mails = list["emails"].as_array().unwrap();
        mails.iter().map(|mail| mail["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(listed("state=sent"), [2]);
    assert_eq!(listed("state=dead"), [4]);
    assert_eq!(listed("state=pending"), [6]);
    assert_eq!(listed("state=all"), [2, 4, 6]);
    app.read(&admin, "/emails/6").good();
    app.get("/metrics").send().assert_status(200);
    for what in ["sent mail 1", "dead mail 3", "order 5"] {
        assert_found(&app, what);
    }
}

/// Its own row, the row of its order, and the last of all, which new ones go on from.
#[test]
fn an_event_that_cannot_be_read_is_gone_and_those_behind_it_are_there() {
    let mut shop = Shop::open();
    let id = shop.pizza();
    shop.update(&shop.ann, id, &json!({"note": "ring"})).good();
    shop.update(&shop.ann, id, &json!({"note": "knock"})).good();
    shop.create(&shop.ann, &json!({"success": true})).good();
    shop.pizza();
    shop.update(&shop.ann, id, &json!({"note": "shout"})).good();
    spoil(&mut shop.app, EVENTS, 2);
    spoil(&mut shop.app, EVENTS, 6);
    spoil(&mut shop.app, ORDERS, 2);
    let read = |query: &str| shop.app.read(&shop.admin, &format!("/events/?{query}"));
    let gone = read("after=5");
    gone.assert_status(410);
    assert_eq!(gone.json()["oldest"], 7);
    shop.update(&shop.ann, id, &json!({"note": "sing"})).good();
    let ids = |page: &Value| {
        let events = page["events"].as_array().unwrap();
        events.iter().map(|it| it["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let mut after = 0;
    for (expected, oldest) in [(vec![1], 3), (vec![3], 5), (vec![5], 7)] {
        let page = read(&format!("after={after}")).good();
        assert_eq!(ids(&page), expected);
        let gone = read(&format!("after={}", page["next"]));
        gone.assert_status(410);
        assert_eq!(gone.json()["oldest"], oldest);
        after = oldest - 1;
    }
    assert_eq!(ids(&read("after=6").good()), [7]);
    // A filter doesn't hide the gap.
    let page = read("types=order.created").good();
    assert_eq!((ids(&page), &page["next"]), (vec![1], &json!(1)));
    shop.app.get("/metrics").send().assert_status(200);
    assert_found(&shop.app, "event 2");
}
