//! Pages: every order once, short ones go on, and only a missing `next` is the end.

use serde_json::{Value, json};

use support::response::Response;

use crate::orders_list::seed;

use super::shop::{Shop, full, id, ids, pizza, with};

/// The most that one call looks at.
const WALKED: usize = 10_000;
/// Where a page ends early.
const PAGE_BYTES: usize = 1_000_000;
const DENSE: usize = 40;

#[track_caller]
fn next_target(response: &Response, page: &Value) -> Option<String> {
    let Some(link) = response.header("Link") else {
        assert_eq!(page["next"], Value::Null, "{page}");
        return None;
    };
    assert!(page["next"].is_u64(), "Link without next: {link}");
    let query = link.strip_prefix("<?").and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    Some(format!("/orders/?{}", query.unwrap_or_else(|| panic!("Link: {link}"))))
}

/// The ids of each page, from the first to the one without `next`.
#[track_caller]
fn pages(shop: &Shop, token: &str, query: &str) -> Vec<Vec<u64>> {
    let mut target = format!("/orders/?{query}");
    let mut pages = Vec::new();
    loop {
        let response = shop.app.read(token, &target);
        let page = response.good();
        pages.push(ids(&page));
        assert!(pages.len() <= 100, "{query} leads in a circle");
        match next_target(&response, &page) {
            Some(next) => target = next,
            None => return pages,
        }
    }
}

#[test]
fn pages_with_every_filter_give_each_order_once() {
    let shop = Shop::open();
    for number in 0..DENSE {
        let token = if number % 2 == 0 { &shop.ann } else { &shop.ben };
        let name = json!({"name": format!("Ada {}", ["Lane", "Park"][number / 2 % 2])});
        let placed = id(&shop.place(token, &with(&pizza(), "/customer", name)));
        match number % 5 {
            0 => drop(shop.set_status(&shop.admin, placed, "ready")),
            1 => drop(shop.set_status(&shop.admin, placed, "completed")),
            _ => {}
        }
    }
    for query in [
        "status=pending",
        "status=pending,ready",
        "status=completed",
        "status=ready,completed",
        "q=ada",
        "q=park",
        "q=ada%20lane&status=pending",
        "success=true&q=lane",
        "user_id=2&status=ready,completed",
    ] {
        for direction in ["asc", "desc"] {
            let query = format!("{query}&order={direction}");
            let whole = shop.listed(&shop.admin, &query);
            assert!(whole.len() > 3, "{query} finds too little to be split: {whole:?}");
            for limit in [1, 3, 1000] {
                let walked = pages(&shop, &shop.admin, &format!("{query}&limit={limit}"));
                assert_eq!(walked.concat(), whole, "{query} by {limit}");
            }
        }
    }
}

#[test]
fn a_walk_that_finds_nothing_more_within_its_bound_goes_on_in_the_next_page() {
    let shop = Shop::open();
    let first = shop.pizza_in("canceled");
    seed(&shop.app, 2, WALKED + 500);
    let last = shop.pizza_in("canceled");
    for (query, expected) in [("order=asc", [first, last]), ("order=desc", [last, first])] {
        let found = pages(&shop, &shop.admin, &format!("status=canceled&limit=10&{query}"));
        assert_eq!(found.concat(), expected, "{query}");
        assert!((2..=3).contains(&found.len()), "{query}: {found:?}");
        let own = pages(&shop, &shop.ann, &format!("status=canceled&limit=10&{query}"));
        assert_eq!(own.concat(), expected, "{query}");
    }
    // What an index reads is found at once, however many lie between.
    let placed = id(&shop.place(&shop.ann, &with(&full(), "/reference_id", "A-17")));
    for query in ["status=pending", "reference_id=A-17", "q=lovelace", "q=A-17"] {
        for limit in ["", "&limit=10", "&limit=10&order=desc"] {
            let found = pages(&shop, &shop.admin, &format!("{query}{limit}"));
            assert_eq!(found, [[placed]], "{query}{limit}");
        }
    }
    // Without a limit there is no bound.
    assert_eq!(shop.listed(&shop.admin, "status=canceled"), [first, last]);
    let csv = shop.app.read(&shop.admin, "/orders/?status=canceled&format=csv").text();
    assert_eq!(csv.lines().count(), 3, "{csv}");
}

#[test]
fn a_page_ends_early_at_a_megabyte() {
    let shop = Shop::open();
    let line = json!({"name": "x".repeat(200), "note": "y".repeat(350)});
    let large = json!({"line_items": vec![line; 100]});
    let count = 20;
    for _ in 0..count {
        shop.place(&shop.ann, &large);
    }
    let everything: Vec<u64> = (1..=count).collect();
    for direction in ["asc", "desc"] {
        let query = format!("limit=1000&order={direction}");
        let response = shop.app.read(&shop.ann, &format!("/orders/?{query}"));
        let first = response.good();
        let size = response.body.len();
        assert!((PAGE_BYTES / 2..=PAGE_BYTES * 3 / 2).contains(&size), "{size} bytes");
        assert!(ids(&first).len() < everything.len(), "{size} bytes");
        let mut walked = pages(&shop, &shop.ann, &query).concat();
        walked.sort_unstable();
        assert_eq!(walked, everything);
    }
    assert_eq!(shop.listed(&shop.ann, ""), everything, "without a limit it comes whole");
}
