//! What so many orders have in common that no index reads it as one list.

use std::thread;

use orderd::clock::Timestamp;
use orderd::domain::order::Actor;
use orderd::domain::order::content::{Basket, Customer, Details, Line, NewContent, Reference};
use orderd::domain::{EmailAddress, MessageId, NewOrder, Outcome, Role, UserId, Username};
use orderd::store::{CreateUser, PlaceOrder, Store};
use support::app::START_SECS;

use super::shop::{BEN_ID, Shop};

/// More than an index reads: 1000 words, or 1000 users.
const MANY: u64 = 1_050;
const THREADS: u64 = 6;

/// Calls it with each number, from several threads, so that the writes share commits.
fn many(shop: &Shop, write: impl Fn(&Store, u64) + Sync) {
    thread::scope(|scope| {
        for first in 1..=THREADS {
            let (write, store) = (&write, shop.app.app().store());
            scope.spawn(move || {
                (first..=MANY).step_by(THREADS as usize).for_each(|it| write(store, it))
            });
        }
    });
}

fn place(store: &Store, user: UserId, name: Option<String>, reference: Option<&str>) {
    let basket =
        Basket { currency: None, prices_include_tax: false, lines: vec![Line::named("Chat")] };
    let customer = name.map(|name| Customer { name: Some(name), ..Customer::default() });
    let content = NewContent {
        basket,
        reference: reference.and_then(Reference::parse),
        details: Details { customer, ..Details::default() },
        owner: None,
    };
    let (message_id, at) = (MessageId("m@b".into()), Timestamp::from_secs(START_SECS));
    let by = Actor { user: Some(user), is_admin: false };
    let place = PlaceOrder::simple(user, Outcome::Successful, message_id, at);
    let order = NewOrder::Content(Box::new(content));
    store.write(PlaceOrder { by, order, ..place }).unwrap();
}

#[test]
fn a_word_that_begins_too_many_words_finds_all_of_their_orders() {
    let shop = Shop::open();
    let rare = shop.pizza();
    many(&shop, |store, number| {
        let name = Some(format!("Ada{number:04} Lovelace"));
        place(store, UserId(BEN_ID), name, None);
    });
    assert_eq!(shop.listed(&shop.admin, "q=ada").len(), MANY as usize);
    assert_eq!(shop.listed(&shop.ben, "q=ada%20lovelace").len(), MANY as usize);
    assert_eq!(shop.listed(&shop.admin, "q=ada1050").len(), 1);
    assert_eq!(shop.listed(&shop.ann, "q=ada"), [] as [u64; 0]);
    assert_eq!(shop.listed(&shop.ann, ""), [rare]);
    let newest = shop.listed(&shop.admin, "q=ada&order=desc&limit=2");
    assert_eq!(newest, [MANY + 1, MANY]);
}

#[test]
fn a_reference_that_too_many_users_have_finds_all_of_their_orders() {
    let shop = Shop::open();
    shop.pizza();
    many(&shop, |store, number| {
        let user = CreateUser {
            username: Username::parse(&format!("user-{number}")).unwrap(),
            email: EmailAddress::parse(&format!("user-{number}@example.com")).unwrap(),
            role: Role::User,
            password_hash: "$scrypt$".into(),
            at: Timestamp::from_secs(START_SECS),
        };
        let user = store.write(user).unwrap().id;
        place(store, user, None, Some("A-17"));
    });
    place(shop.app.app().store(), UserId(BEN_ID), None, Some("A-18"));
    assert_eq!(shop.listed(&shop.admin, "reference_id=A-17").len(), MANY as usize);
    assert_eq!(shop.listed(&shop.admin, "reference_id=A-18"), [MANY + 2]);
    let newest = shop.listed(&shop.admin, "reference_id=A-17&order=desc&limit=1");
    assert_eq!(newest, [MANY + 1]);
}
