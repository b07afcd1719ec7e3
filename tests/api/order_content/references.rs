//! The client's own number of an order: unique for its user, for ever.

use serde_json::{Value, json};

use super::shop::{ANN_ID, Post, Shop, assert_fault_at, assert_faults, id, pizza, with};

const TAKEN: &str = "Reference already used";

fn numbered(reference: &str) -> Value {
    with(&pizza(), "/reference_id", reference)
}

fn taken(order_id: u64) -> Value {
    json!({"detail": TAKEN, "order_id": order_id})
}

#[test]
fn a_reference_is_taken_once_for_a_user() {
    let shop = Shop::open();
    let first = id(&shop.place(&shop.ann, &numbered("A-17")));
    for body in [numbered("A-17"), with(&numbered(" A-17 "), "/note", "another")] {
        shop.create(&shop.ann, &body).assert_json(409, &taken(first));
    }
    let second = id(&shop.place(&shop.ann, &numbered("a-17")));
    assert_ne!(first, second, "references are compared as they are written");
    assert_eq!(shop.listed(&shop.ann, ""), [first, second]);
}

#[test]
fn another_user_may_have_the_same() {
    let shop = Shop::open();
    for token in [&shop.ann, &shop.ben, &shop.admin] {
        shop.place(token, &numbered("A-17"));
        shop.create(token, &numbered("A-17")).assert_status(409);
    }
}

#[test]
fn a_reference_counts_for_whom_the_order_is_and_not_for_who_places_it() {
    let shop = Shop::open();
    let first = id(&shop.place(&shop.ann, &numbered("A-17")));
    let for_ann = with(&numbered("A-17"), "/user_id", ANN_ID);
    shop.create(&shop.admin, &for_ann).assert_json(409, &taken(first));
    shop.place(&shop.admin, &numbered("A-17"));
    let other = id(&shop.place(&shop.admin, &with(&numbered("A-18"), "/user_id", ANN_ID)));
    shop.create(&shop.ann, &numbered("A-18")).assert_json(409, &taken(other));
    shop.place(&shop.admin, &numbered("A-18"));
}

#[test]
fn a_reference_stays_taken_for_ever() {
    let mut shop = Shop::open();
    let first = id(&shop.place(&shop.ann, &numbered("A-17")));
    shop.set_status(&shop.ann, first, "canceled").good();
    shop.create(&shop.ann, &numbered("A-17")).assert_json(409, &taken(first));
    shop.app.restart();
    shop.create(&shop.ann, &numbered("A-17")).assert_json(409, &taken(first));
}

#[test]
fn a_refused_order_leaves_its_reference_free() {
    let shop = Shop::open();
    let wrong = with(&numbered("A-17"), "/total", 1);
    shop.create(&shop.ann, &wrong).assert_status(422);
    let missing = with(&numbered("A-17"), "/user_id", 99);
    shop.create(&shop.admin, &missing).assert_status(404);
    shop.place(&shop.ann, &numbered("A-17"));
    shop.place(&shop.admin, &numbered("A-17"));
}

#[test]
fn a_reference_is_1_to_64_visible_ascii_characters() {
    let shop = Shop::open();
    let all: String = ('!'..='~').collect();
    for reference in ["1", "-", &all[..64], &all[64..], &"x".repeat(64), "<b>&\"'", "=1+1"] {
        assert_eq!(shop.place(&shop.ann, &numbered(reference))["reference_id"], reference);
    }
    let response = shop.create(&shop.ann, &numbered(&"x".repeat(65)));
    assert_faults(&response, &[("string_too_long", "/reference_id")]);
    for wrong in ["a b", "ä", "a\u{a0}b", "日", "a\tb", "a\r\nb", "a\u{7f}b", "\u{202e}a"] {
        assert_fault_at(&shop.create(&shop.ann, &numbered(wrong)), "/reference_id");
    }
}

#[test]
fn a_problem_says_which_order_has_it_too() {
    let shop = Shop::open();
    shop.place(&shop.ann, &numbered("A-17"));
    let request = shop.app.post("/orders/create").bearer(&shop.ann).json(&numbered("A-17"));
    let response = request.header("Accept", "application/problem+json").send();
    response.assert_status(409);
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((&problem["detail"], &problem["status"]), (&json!(TAKEN), &json!(409)));
    assert_eq!(problem["order_id"], 1, "{problem}");
}

#[test]
fn of_many_at_once_with_one_reference_one_is_placed() {
    let shop = Shop::open();
    for round in 0..12 {
        let reference = format!("R-{round}");
        let post = |number: u32| {
            let body = with(&numbered(&reference), "/note", number.to_string());
            Post::new(&shop.ann, "/orders/create", body)
        };
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        let placed: Vec<u64> =
            answers.iter().filter(|it| it.status == 200).map(|it| id(&it.json())).collect();
        assert_eq!(placed.len(), 1, "{reference}");
        for refused in answers.iter().filter(|it| it.status != 200) {
            refused.assert_json(409, &taken(placed[0]));
        }
        assert_eq!(shop.listed(&shop.ann, &format!("reference_id={reference}")), placed);
    }
    assert_eq!(shop.listed(&shop.ann, "").len(), 12);
}

#[test]
fn many_at_once_with_references_of_their_own_are_all_placed() {
    let shop = Shop::open();
    for round in 0..6 {
        let post = |number: u32| {
            Post::new(&shop.ann, "/orders/create", numbered(&format!("R-{round}-{number}")))
        };
        for answer in shop.at_once(&(0..6).map(post).collect::<Vec<_>>()) {
            answer.good();
        }
        let same =
            |token: &String| Post::new(token, "/orders/create", numbered(&format!("S-{round}")));
        for answer in shop.at_once(&[&shop.ann, &shop.ben, &shop.admin].map(same)) {
            answer.good();
        }
    }
    assert_eq!(shop.listed(&shop.admin, "").len(), 54);
}

#[test]
fn a_reference_is_never_changed() {
    let shop = Shop::open();
    let id = id(&shop.place(&shop.ann, &numbered("A-17")));
    let response = shop.update(&shop.ann, id, &json!({"reference_id": "A-18"}));
    assert_faults(&response, &[("extra_forbidden", "/reference_id")]);
    assert_eq!(shop.order(&shop.ann, id)["reference_id"], "A-17");
}
