//! `q`: words that begin a word of the customer, the reference, or are the id.

use serde_json::{Value, json};

use super::shop::{Shop, id, percent, pizza, with};

/// An order of whoever has the token, for that customer.
fn placed(shop: &Shop, token: &str, customer: Value) -> u64 {
    id(&shop.place(token, &with(&pizza(), "/customer", customer)))
}

#[track_caller]
fn assert_found(shop: &Shop, token: &str, q: &str, expected: &[u64]) {
    assert_eq!(shop.listed(token, &format!("q={}", percent(q))), expected, "{q:?}");
}

#[test]
fn a_word_finds_what_begins_with_it() {
    let shop = Shop::open();
    let customer = json!({"name": "Ada King Lovelace", "email": "ada.l+shop@mail.example"});
    let ada = placed(&shop, &shop.ann, customer);
    let grace = placed(&shop, &shop.ann, json!({"name": "Grace O'Brien-Hopper"}));
    for (q, expected) in [
        ("ada", &[ada][..]),
        ("ADA", &[ada]),
        ("a", &[ada]),
        ("love", &[ada]),
        ("lovelace", &[ada]),
        ("lovelaces", &[]),
        ("velace", &[]),
        ("king ada", &[ada]),
        ("ada  lovelace", &[ada]),
        ("  ada ", &[ada]),
        ("ada ada", &[ada]),
        ("ki lo ad", &[ada]),
        ("ada hopper", &[]),
        ("mail", &[ada]),
        ("example", &[ada]),
        ("shop", &[ada]),
        ("ada.l+shop@mail.example", &[ada]),
        ("@mail", &[ada]),
        ("grace", &[grace]),
        ("o'brien", &[grace]),
        ("brien", &[grace]),
        ("hopper-grace", &[grace]),
        ("obrien", &[]),
        ("g", &[grace]),
        ("margherita", &[]),
    ] {
        assert_found(&shop, &shop.ann, q, expected);
        assert_found(&shop, &shop.admin, q, expected);
        assert_found(&shop, &shop.ben, q, &[]);
    }
}

/// Whichever of the words leads to the orders, the others are held against them.
#[test]
fn each_word_has_to_begin_one() {
    let shop = Shop::open();
    let king = placed(&shop, &shop.ann, json!({"name": "Ada King"}));
    for name in ["Inga Berg", "Ingo Berg"] {
        placed(&shop, &shop.ann, json!({ "name": name }));
    }
    for (q, expected) in
        [("ada ing", &[][..]), ("ing ada", &[]), ("ada king", &[king]), ("ada 1 king", &[king])]
    {
        assert_found(&shop, &shop.ann, q, expected);
    }
    assert_found(&shop, &shop.ann, "ada 2", &[]);
}

#[test]
fn marks_case_and_forms_make_no_difference() {
    let shop = Shop::open();
    for (name, queries) in [
        ("Müller", &["müller", "MÜLLER", "muller", "Mu\u{308}ller", "Ｍｕｌｌｅｒ", "mÜl"][..]),
        ("Jose\u{301} Nu\u{f1}ez", &["jose", "josé", "nunez", "NUÑEZ"]),
        ("Straße", &["strasse", "STRASSE", "straße", "STRAẞE"]),
        ("Ｆｕｌｌ Ｗｉｄｔｈ", &["full", "width", "ｗｉｄ"]),
        ("Ærøskøbing ﬁsh", &["fish", "ﬁsh", "fi"]),
        ("Ελένη Σταύρος", &["ελενη", "ΕΛΈΝΗ", "σταυρος", "ΣΤΑΎΡΟΣ"]),
        ("Łukasz Ивано́в", &["иванов", "ИВАНОВ", "łukasz"]),
        ("李小龍", &["李", "李小龍"]),
    ] {
        let id = placed(&shop, &shop.ann, json!({ "name": name }));
        for q in queries {
            let found = shop.listed(&shop.ann, &format!("q={}", percent(q)));
            assert!(found.contains(&id), "{q:?} finds no {name:?}");
        }
    }
}

#[test]
fn a_phone_is_found_by_its_digits_however_they_are_written() {
    let shop = Shop::open();
    let one = placed(&shop, &shop.ann, json!({"phone": "+49 (30) 123-456.78"}));
    let other = placed(&shop, &shop.ann, json!({"phone": "0049/89/4711"}));
    let wide = placed(&shop, &shop.ann, json!({"phone": "＋４３ （１） ５５５"}));
    for (q, expected) in [
        ("4930", &[one][..]),
        ("+49", &[one]),
        ("+49 30", &[one]),
        ("+49 (30) 12", &[one]),
        ("+49(30)123-456.78", &[one]),
        ("493012345678", &[one]),
        ("49-30-1", &[one]),
        ("49/30", &[one]),
        ("4931", &[]),
        ("30123", &[]),
        ("12345", &[]),
        ("0049 89", &[other]),
        ("00498947", &[other]),
        ("0049", &[other]),
        ("4711", &[]),
        ("49 30 x", &[]),
        ("43155", &[wide]),
        ("＋４９\u{3000}（３０）", &[one]),
    ] {
        assert_found(&shop, &shop.ann, q, expected);
    }
}

#[test]
fn a_reference_is_found_by_its_words() {
    let shop = Shop::open();
    let numbered =
        |reference: &str| id(&shop.place(&shop.ann, &with(&pizza(), "/reference_id", reference)));
    let (one, other) = (numbered("WEB-2025/0815"), numbered("web_77.Beta"));
    for (q, expected) in [
        ("web", &[one, other][..]),
        ("WEB-2025/0815", &[one]),
        ("0815", &[one]),
        ("08", &[one]),
        ("815", &[]),
        ("2025 web", &[one]),
        ("web-2025-0815", &[one]),
        ("beta", &[other]),
        ("web_77.beta", &[other]),
        ("77", &[other]),
    ] {
        assert_found(&shop, &shop.ann, q, expected);
    }
}

#[test]
fn an_id_is_found_whole() {
    let shop = Shop::open();
    for number in 1..=12 {
        if number % 3 == 0 {
            shop.place(&shop.ann, &json!({"success": true}));
        } else {
            shop.pizza();
        }
    }
    for number in 1..=12 {
        assert_found(&shop, &shop.ann, &number.to_string(), &[number]);
        assert_found(&shop, &shop.admin, &number.to_string(), &[number]);
        assert_found(&shop, &shop.ben, &number.to_string(), &[]);
    }
    for q in ["13", "0", "99999999999999999999999"] {
        assert_found(&shop, &shop.ann, q, &[]);
    }
}

#[test]
fn an_id_goes_with_the_other_words() {
    let shop = Shop::open();
    let ada = placed(&shop, &shop.ann, json!({"name": "Ada"}));
    let second = placed(&shop, &shop.ann, json!({"name": "Ada", "phone": "1234"}));
    assert_found(&shop, &shop.ann, &format!("ada {ada}"), &[ada, second]);
    assert_found(&shop, &shop.ann, &format!("ada {second}"), &[second]);
    assert_found(&shop, &shop.ann, &format!("grace {ada}"), &[]);
    for _ in 0..8 {
        placed(&shop, &shop.ann, json!({"phone": "1234"}));
    }
    let eleventh = placed(&shop, &shop.ann, json!({"name": "Ada"}));
    assert_eq!(eleventh, 11);
    assert_found(&shop, &shop.ann, "ada 1", &[ada, second]);
    assert_found(&shop, &shop.ann, "ada 11", &[eleventh]);
}

#[test]
fn a_plain_user_finds_their_own_orders_alone() {
    let shop = Shop::open();
    let ann = placed(&shop, &shop.ann, json!({"name": "Ada"}));
    let ben = placed(&shop, &shop.ben, json!({"name": "Ada"}));
    assert_found(&shop, &shop.ann, "ada", &[ann]);
    assert_found(&shop, &shop.ben, "ada", &[ben]);
    assert_found(&shop, &shop.admin, "ada", &[ann, ben]);
    assert_found(&shop, &shop.ann, &ben.to_string(), &[]);
    assert_eq!(shop.listed(&shop.admin, "q=ada&user_id=3"), [ben]);
    let refused = shop.app.read(&shop.ann, "/orders/?q=ada&user_id=3");
    refused.assert_detail(403, "Admin privileges required");
}

#[test]
fn what_is_found_follows_an_update() {
    let shop = Shop::open();
    let id = placed(&shop, &shop.ann, json!({"name": "Ada Lovelace", "phone": "111"}));
    let body = json!({"customer": {"name": "Ada Hopper", "email": "grace@navy.example"}});
    shop.update(&shop.ann, id, &body).good();
    for (q, expected) in
        [("ada", &[id][..]), ("hopper", &[id]), ("navy", &[id]), ("lovelace", &[]), ("111", &[])]
    {
        assert_found(&shop, &shop.ann, q, expected);
    }
    shop.update(&shop.ann, id, &json!({"customer": null})).good();
    assert_found(&shop, &shop.ann, "ada", &[]);
    assert_found(&shop, &shop.ann, &id.to_string(), &[id]);
}

#[test]
fn a_search_goes_with_the_other_filters() {
    let shop = Shop::open();
    let ids: Vec<u64> =
        (0..6).map(|_| placed(&shop, &shop.ann, json!({"name": "Ada Lovelace"}))).collect();
    shop.set_status(&shop.admin, ids[1], "ready").good();
    shop.set_status(&shop.admin, ids[2], "canceled").good();
    shop.set_status(&shop.admin, ids[3], "completed").good();
    for (query, expected) in [
        ("q=ada&status=ready", vec![ids[1]]),
        ("q=ada&status=pending", vec![ids[0], ids[4], ids[5]]),
        ("q=ada&status=completed,canceled", vec![ids[2], ids[3]]),
        ("q=ada&success=false", vec![ids[2]]),
        ("q=ada&order=desc&limit=2", vec![ids[5], ids[4]]),
        ("q=ada&limit=2&after=2", vec![ids[2], ids[3]]),
        ("q=ada&created_from=2025-10-08", vec![]),
        ("q=grace&status=pending", vec![]),
    ] {
        assert_eq!(shop.listed(&shop.ann, query), expected, "{query}");
    }
}

#[test]
fn a_query_has_1_to_64_characters_and_a_letter_or_digit() {
    let shop = Shop::open();
    let id = placed(&shop, &shop.ann, json!({"name": "x".repeat(64)}));
    assert_found(&shop, &shop.ann, &"x".repeat(64), &[id]);
    assert_found(&shop, &shop.ann, &"ä".repeat(64), &[]);
    for wrong in [&"x".repeat(65), "", " ", "-", "+-()./", "...", "@", "\u{1f355}", "\u{301}"] {
        let response = shop.app.read(&shop.ann, &format!("/orders/?q={}", percent(wrong)));
        response.assert_status(422);
        let fault = response.json()["detail"][0].clone();
        assert_eq!(fault["loc"], json!(["query", "q"]), "{wrong:?}: {fault}");
    }
}

#[test]
fn what_looks_like_a_pattern_is_none() {
    let shop = Shop::open();
    placed(&shop, &shop.ann, json!({"name": "Ada"}));
    for q in ["%a%b", "a_b", "x*", "ad?x", ".*x", "a' OR '1'='1", "ada\u{0}x"] {
        let response = shop.app.read(&shop.ann, &format!("/orders/?q={}", percent(q)));
        if response.status != 422 {
            assert_eq!(response.good()["orders"], json!([]), "{q:?}");
        }
    }
}
