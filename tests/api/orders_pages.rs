use serde_json::{Value, json};

use support::app::{PASSWORD, START_SECS, TestApp};
use support::response::Response;

use crate::orders_list::seed;

const HOUR_SECS: u64 = 3600;
/// 2025-10-07T23:59:59.
const LAST_SECOND: u64 = START_SECS + 64_908;

/// Orders of Ann's and Ben's, one each hour and a half for 36 hours, and an admin's token.
fn shop() -> (TestApp, String) {
    let app = TestApp::start();
    let admin = app.admin();
    app.user("ann");
    app.user("ben");
    for number in 0..24 {
        let at_secs = START_SECS + number * 3 * HOUR_SECS / 2;
        app.place(2 + number % 2, number % 3 == 0, at_secs);
    }
    (app, admin)
}

fn ids(list: &Value) -> Vec<u64> {
    let orders = list["orders"].as_array().expect("a list");
    orders.iter().map(|order| order["id"].as_u64().expect("an id")).collect()
}

#[track_caller]
fn next_link(response: &Response) -> Option<String> {
    let link = response.header("Link")?;
    let target = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    let query = target.and_then(|target| target.strip_prefix('?'));
    // A reference of a query alone keeps the path (RFC 3986, 5.2.2).
    Some(format!("/orders/?{}", query.unwrap_or_else(|| panic!("Link: {link}"))))
}

/// The ids of all pages, reached by `Link` alone. `next` must lead to the same place.
#[track_caller]
fn walk(app: &TestApp, token: &str, query: &str, limit: usize) -> Vec<u64> {
    let mut target = format!("/orders/?{query}&limit={limit}");
    let mut walked = Vec::new();
    loop {
        let response = app.read(token, &target);
        let page = response.good();
        let here = ids(&page);
        assert!(here.len() <= limit, "{target}: {page}");
        walked.extend(&here);
        assert!(walked.len() <= 100, "{target} leads in a circle");
        let Some(next) = next_link(&response) else {
            assert_eq!(page["next"], Value::Null, "{target}");
            assert!(page.as_object().unwrap().contains_key("next"), "{target}: {page}");
            return walked;
        };
        assert_eq!(here.len(), limit, "a page before the last is full: {target}");
        assert_eq!(page["next"].as_u64(), here.last().copied(), "{target}");
        let after = format!("/orders/?{query}&limit={limit}&after={}", page["next"]);
        let by_number = app.read(token, &after).good();
        assert_eq!(by_number, app.read(token, &next).good(), "{target}");
        target = next;
    }
}

type Filter = (&'static str, fn(&Value) -> bool);

const FILTERS: [Filter; 10] = [
    ("", |_| true),
    ("success=true", |order| order["success"] == true),
    ("success=no", |order| order["success"] == false),
    ("user_id=3", |order| order["user_id"] == 3),
    ("user_id=9", |_| false),
    ("created_from=2025-10-08", |order| created(order) >= "2025-10-08"),
    ("created_to=2025-10-07", |order| created(order) < "2025-10-08"),
    ("created_from=2025-10-07T07:28:11&created_to=2025-10-08T00:00:00", |order| {
        ("2025-10-07T07:28:11".."2025-10-08").contains(&created(order))
    }),
    ("created_from=2025-10-07T23%3A00%3A00&success=0&user_id=2", |order| {
        created(order) >= "2025-10-07T23" && order["success"] == false && order["user_id"] == 2
    }),
    ("created_from=2030-01-01", |_| false),
];

fn created(order: &Value) -> &str {
    order["created_at"].as_str().expect("a date")
}

#[test]
fn pages_give_every_order_once_in_both_directions_with_every_filter() {
    let (app, admin) = shop();
    let all = app.orders(&admin).good();
    let all = all["orders"].as_array().unwrap();
    assert_eq!(all.len(), 24);
    for (query, matches) in FILTERS {
        let matching = all.iter().filter(|order| matches(order));
        let mut expected: Vec<u64> = matching.map(|it| it["id"].as_u64().unwrap()).collect();
        for direction in ["order=asc", "order=desc"] {
            let query = format!("{direction}&{query}");
            let query = query.trim_end_matches('&');
            for limit in [1, 5, 8, 1000] {
                assert_eq!(walk(&app, &admin, query, limit), expected, "{query} by {limit}");
            }
            let whole = app.read(&admin, &format!("/orders/?{query}")).good();
            assert_eq!(ids(&whole), expected, "{query} without a limit");
            expected.reverse();
        }
    }
}

#[test]
fn the_oldest_come_first_unless_asked_otherwise() {
    let (app, admin) = shop();
    assert_eq!(walk(&app, &admin, "", 7), (1..=24).collect::<Vec<_>>());
}

#[test]
fn pages_of_a_user_hold_their_own_orders_alone() {
    let (app, _) = shop();
    let ben = app.token("ben", PASSWORD);
    let own: Vec<u64> = (2..=24).step_by(2).collect();
    assert_eq!(walk(&app, &ben, "", 5), own);
    let newest_first: Vec<u64> = own.into_iter().rev().collect();
    assert_eq!(walk(&app, &ben, "order=desc", 5), newest_first);
    assert_eq!(walk(&app, &ben, "success=true", 1), [4, 10, 16, 22]);
}

#[test]
fn a_page_that_is_just_full_is_the_last() {
    let (app, admin) = shop();
    let response = app.read(&admin, "/orders/?limit=24");
    assert_eq!(response.good()["next"], Value::Null);
    response.assert_no_header("Link");
    let response = app.read(&admin, "/orders/?limit=23");
    assert_eq!(response.good()["next"], 23);
    assert_eq!(next_link(&response).as_deref(), Some("/orders/?limit=23&after=23"));
}

#[test]
fn a_page_past_the_end_is_empty() {
    let (app, admin) = shop();
    for target in [
        "/orders/?limit=5&after=24",
        "/orders/?limit=5&after=9223372036854775807",
        "/orders/?limit=5&after=1&order=desc",
    ] {
        app.read(&admin, target).assert_json(200, &json!({"orders": [], "next": null}));
    }
}

#[test]
fn without_a_limit_there_is_no_next() {
    let (app, admin) = shop();
    for (target, count) in [
        ("/orders/", 24),
        ("/orders/?", 24),
        ("/orders/?after=20", 4),
        ("/orders/?order=desc&after=20", 19),
        ("/orders/?success=true", 8),
        ("/orders/?user_id=2&created_to=2025-10-07", 7),
    ] {
        let response = app.read(&admin, target);
        let list = response.good();
        assert_eq!(list.as_object().unwrap().keys().collect::<Vec<_>>(), ["orders"], "{target}");
        assert_eq!(ids(&list).len(), count, "{target}");
        response.assert_no_header("Link");
    }
}

#[test]
fn times_are_understood_as_programs_write_them() {
    let app = TestApp::start();
    let admin = app.admin();
    app.place(1, true, START_SECS);
    app.place(1, true, START_SECS + 1);
    for (query, expected) in [
        // JavaScript's toISOString(), then Python's isoformat() and its relatives.
        ("created_to=2025-10-07T05:58:11.000Z", &[1][..]),
        ("created_from=2025-10-07T05:58:11.000Z", &[1, 2]),
        ("created_from=2025-10-07T05:58:11.001Z", &[2]),
        ("created_to=2025-10-07T05:58:11.999999", &[1]),
        ("created_from=2025-10-07T05:58:11.0000001Z", &[2]),
        ("created_from=2025-10-07T07:58:12%2B02:00", &[2]),
        ("created_from=2025-10-07T07:58:12+02:00", &[2]),
        ("created_from=2025-10-07T07:58:12%2002:00", &[2]),
        ("created_to=2025-10-06T22:28:11-07:30", &[1]),
        ("created_from=2025-10-07T05:58", &[1, 2]),
        ("created_from=2025-10-07T05:59Z", &[]),
        ("created_to=2025-10-07T05:58", &[]),
    ] {
        let list = app.read(&admin, &format!("/orders/?{query}"));
        assert_eq!(ids(&list.good()), expected, "{query}");
    }
    for wrong in ["2025-10-07T05:58:11z", "2025-10-07T05:58:11+2", "2025-10-07Z", "2025-10-07T05"] {
        app.read(&admin, &format!("/orders/?created_from={wrong}")).assert_status(422);
    }
}

#[test]
fn a_date_includes_its_whole_day() {
    let app = TestApp::start();
    let admin = app.admin();
    app.place(1, true, LAST_SECOND);
    app.place(1, true, LAST_SECOND + 1);
    for (query, expected) in [
        ("created_to=2025-10-07", &[1][..]),
        ("created_from=2025-10-07&created_to=2025-10-07", &[1]),
        ("created_from=2025-10-08", &[2]),
        ("created_from=2025-10-08&created_to=2025-10-08", &[2]),
        ("created_from=2025-10-07&created_to=2025-10-08", &[1, 2]),
        ("created_to=2025-10-06", &[]),
        ("created_from=2025-10-09", &[]),
    ] {
        let list = app.read(&admin, &format!("/orders/?{query}")).good();
        assert_eq!(ids(&list), expected, "{query}");
    }
}

#[test]
fn both_ends_of_a_time_are_included() {
    let app = TestApp::start();
    let admin = app.admin();
    for at_secs in [LAST_SECOND - 1, LAST_SECOND, LAST_SECOND + 1] {
        app.place(1, true, at_secs);
    }
    for (query, expected) in [
        ("created_from=2025-10-07T23:59:59", &[2, 3][..]),
        ("created_to=2025-10-07T23:59:59", &[1, 2]),
        ("created_from=2025-10-07T23:59:59&created_to=2025-10-07T23:59:59", &[2]),
        ("created_to=2025-10-08T00:00:00", &[1, 2, 3]),
        ("created_from=2025-10-07T23:59:59&created_to=2025-10-08", &[2, 3]),
    ] {
        let list = app.read(&admin, &format!("/orders/?{query}")).good();
        assert_eq!(ids(&list), expected, "{query}");
    }
}

#[test]
fn a_clock_that_was_set_back_takes_no_order_from_a_filter() {
    let app = TestApp::start();
    let admin = app.admin();
    for hours in [9, 2, 10, 9] {
        app.place(1, true, START_SECS + hours * HOUR_SECS);
    }
    for (query, expected) in [
        ("created_from=2025-10-07T14:00:00", &[1, 3, 4][..]),
        ("created_to=2025-10-07T14:00:00", &[2]),
        ("created_from=2025-10-07T14:58:11&created_to=2025-10-07T14:58:11", &[1, 4]),
    ] {
        assert_eq!(walk(&app, &admin, query, 1), expected, "{query}");
    }
}

#[test]
fn a_page_looks_past_a_thousand_orders_that_do_not_match() {
    let app = TestApp::start();
    let admin = app.admin();
    app.place(1, true, START_SECS - 1);
    seed(&app, 1, 2_100);
    app.place(1, true, START_SECS + 1);
    for (query, expected) in [
        ("created_from=2025-10-07T05:58:12", &[2_102][..]),
        ("order=desc&created_to=2025-10-07T05:58:10", &[1]),
        ("user_id=1&created_from=2025-10-07T05:58:12", &[2_102]),
    ] {
        assert_eq!(walk(&app, &admin, query, 1), expected, "{query}");
        let whole = app.read(&admin, &format!("/orders/?{query}")).good();
        assert_eq!(ids(&whole), expected, "{query} without a limit");
    }
}

#[test]
fn the_last_day_of_the_calendar_is_a_date() {
    let (app, admin) = shop();
    let list = app.read(&admin, "/orders/?created_from=1970-01-01&created_to=9999-12-31").good();
    assert_eq!(ids(&list).len(), 24);
}

#[test]
fn only_an_admin_asks_for_another_s_orders() {
    let (app, _) = shop();
    let ann = app.token("ann", PASSWORD);
    for target in ["/orders/?user_id=3", "/orders/?user_id=2", "/orders/?user_id=9&limit=1"] {
        app.read(&ann, target).assert_detail(403, "Admin privileges required");
    }
}

#[test]
fn the_role_counts_before_the_values() {
    let (app, admin) = shop();
    let ann = app.token("ann", PASSWORD);
    app.read(&ann, "/orders/?user_id=x").assert_detail(403, "Admin privileges required");
    app.read(&admin, "/orders/?user_id=x").assert_bad_parameter("user_id", "x");
}

#[test]
fn a_value_that_makes_no_sense_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for (name, values) in [
        ("limit", &["0", "-1", "1001", "x", "", "1.0", "+5", "99999999999999999999"][..]),
        ("after", &["0", "-3", "x", "", "1e3", "9223372036854775808"]),
        ("order", &["up", "", "ASC", "asc,desc"]),
        ("success", &["maybe", "", "2", "null"]),
        ("created_from", &["yesterday", "", "2025-02-29", "2025-13-01", "2025-10-07T25:00:00"]),
        ("created_to", &["1", "2025-10-7", "2025-10-07T05", "2025-10-07T05:58:11z"]),
        ("user_id", &["0", "me", "", "-2", "9223372036854775808"]),
        ("format", &["xml", "", "CSV"]),
    ] {
        for value in values {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let response = app.read(&admin, &format!("/orders/?{name}={encoded}"));
            response.assert_bad_parameter(name, value);
        }
    }
}

#[test]
fn a_choice_says_what_it_takes() {
    let app = TestApp::start();
    let expected = "'asc' or 'desc'";
    app.read(&app.admin(), "/orders/?order=up").assert_invalid(&[json!({
        "type": "literal_error", "loc": ["query", "order"],
        "msg": format!("Input should be {expected}"), "input": "up",
        "ctx": {"expected": expected},
    })]);
    app.read(&app.admin(), "/orders/?success=maybe").assert_invalid(&[json!({
        "type": "bool_parsing", "loc": ["query", "success"],
        "msg": "Input should be a valid boolean, unable to interpret input", "input": "maybe",
    })]);
}

#[test]
fn unknown_repeated_and_contradictory_parameters_are_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for (query, name, input) in [
        ("colour=red", "colour", "red"),
        ("Limit=5", "Limit", "5"),
        ("limit%20=5", "limit ", "5"),
        ("page", "page", ""),
        ("limit=5&limit=5", "limit", "5"),
        ("after=1&limit=5&after=2", "after", "2"),
        ("created_from=2025-10-08&created_to=2025-10-07", "created_to", "2025-10-07"),
        (
            "created_from=2025-10-08T00:00:01&created_to=2025-10-08T00:00:00",
            "created_to",
            "2025-10-08T00:00:00",
        ),
    ] {
        app.read(&admin, &format!("/orders/?{query}")).assert_bad_parameter(name, input);
    }
}

#[test]
fn all_bad_parameters_are_told_at_once() {
    let app = TestApp::start();
    let response = app.read(&app.admin(), "/orders/?limit=0&order=up&colour=red&success=maybe");
    response.assert_status(422);
    let body = response.json();
    let faults = body["detail"].as_array().unwrap();
    let mut names: Vec<&str> = faults.iter().map(|it| it["loc"][1].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["colour", "limit", "order", "success"]);
}

#[test]
fn a_token_is_asked_for_before_the_parameters() {
    let app = TestApp::start();
    app.get("/orders/?limit=x").send().assert_detail(401, "Not authenticated");
}
