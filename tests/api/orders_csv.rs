use support::app::{START_SECS, TestApp};
use support::response::Response;

use crate::orders_list::seed;

const TITLES: &str = "id,user_id,success,created_at\r\n";

/// 200 and CSV.
#[track_caller]
fn csv(response: &Response) -> String {
    response.assert_status(200);
    let kind = response.header("Content-Type").expect("a content type");
    assert!(kind.starts_with("text/csv"), "{kind}");
    response.text()
}

fn accepting(app: &TestApp, token: &str, accept: &str, target: &str) -> Response {
    app.get(target).bearer(token).header("Accept", accept).send()
}

#[test]
fn orders_come_as_csv_when_asked_for() {
    let app = TestApp::start();
    let admin = app.admin();
    app.place(1, true, START_SECS);
    app.place(1, false, START_SECS + 1);
    let expected =
        format!("{TITLES}1,1,true,2025-10-07T05:58:11\r\n2,1,false,2025-10-07T05:58:12\r\n");
    assert_eq!(csv(&app.read(&admin, "/orders/?format=csv")), expected);
    for accept in ["text/csv", "Text/CSV; q=0.9, application/json;q=0.5", "text/csv;header=present"]
    {
        assert_eq!(csv(&accepting(&app, &admin, accept, "/orders/")), expected, "{accept}");
    }
}

#[test]
fn json_comes_to_everyone_else() {
    let app = TestApp::start();
    let admin = app.admin();
    for accept in ["*/*", "application/json", "text/csv;q=0", "text/csv;q=0.1, application/json"] {
        accepting(&app, &admin, accept, "/orders/").good();
    }
}

#[test]
fn the_format_in_the_query_wins_over_accept() {
    let app = TestApp::start();
    let admin = app.admin();
    accepting(&app, &admin, "text/csv", "/orders/?format=json").good();
    csv(&accepting(&app, &admin, "application/json", "/orders/?format=csv"));
}

#[test]
fn a_cache_is_told_that_the_list_depends_on_accept() {
    let app = TestApp::start();
    let admin = app.admin();
    for accept in ["text/csv", "application/json"] {
        assert!(accepting(&app, &admin, accept, "/orders/").lists("Vary", "Accept"), "{accept}");
    }
}

#[test]
fn a_list_without_orders_has_its_titles() {
    let app = TestApp::start();
    assert_eq!(csv(&app.read(&app.admin(), "/orders/?format=csv")), TITLES);
}

#[test]
fn the_same_filters_and_pages_hold() {
    let app = TestApp::start();
    let (admin, ann) = (app.admin(), app.user("ann"));
    for number in 0..6 {
        app.place(1 + number % 2, number < 3, START_SECS + number);
    }
    let ids = |token: &str, query: &str| -> Vec<String> {
        let text = csv(&app.read(token, &format!("/orders/?format=csv&{query}")));
        let lines = text.lines().skip(1);
        lines.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&ann, ""), ["2", "4", "6"]);
    assert_eq!(ids(&admin, "user_id=1&order=desc"), ["5", "3", "1"]);
    assert_eq!(ids(&admin, "success=false&created_from=2025-10-07T05:58:15"), ["5", "6"]);
    let page = app.read(&admin, "/orders/?format=csv&limit=2&after=2");
    assert_eq!(csv(&page).lines().count(), 3);
    page.assert_header("Link", "<?format=csv&limit=2&after=4>; rel=\"next\"");
    let last = app.read(&admin, "/orders/?format=csv&limit=2&after=4");
    assert_eq!(csv(&last).lines().count(), 3);
    last.assert_no_header("Link");
}

#[test]
fn a_long_list_comes_whole_and_every_line_is_a_row() {
    let app = TestApp::start();
    let admin = app.admin();
    seed(&app, 1, 2_500);
    let response = app.read(&admin, "/orders/?format=csv");
    response.assert_header("Transfer-Encoding", "chunked");
    let text = csv(&response);
    let rows: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").skip(1).collect();
    assert_eq!(rows.len(), 2_500);
    for (number, row) in (1..).zip(&rows) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells.len(), 4, "{row}");
        assert_eq!(cells[0], number.to_string());
        assert!(!row.contains(['\r', '\n', '"']), "{row:?}");
        assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t'])), "{row}");
    }
}

#[test]
fn a_faulty_request_for_csv_is_told_in_json() {
    let app = TestApp::start();
    let admin = app.admin();
    let response = accepting(&app, &admin, "text/csv", "/orders/?limit=x");
    response.assert_bad_parameter("limit", "x");
    let response = app.get("/orders/?format=csv").send();
    response.assert_detail(401, "Not authenticated");
}

#[test]
fn the_head_of_an_export_has_no_body() {
    let app = TestApp::start();
    let token = app.admin();
    seed(&app, 1, 1_200);
    let mut client = app.connect();
    for query in ["format=csv", "format=csv&limit=2"] {
        client.send(format!(
            "HEAD /orders/?{query} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\r\n"
        ));
        csv(&client.read_head());
    }
}
