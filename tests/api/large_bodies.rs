//! Large bodies: one is worked on, a few wait, and one more is told to come back.

use serde_json::json;

use support::app::TestApp;
use support::attack::await_that;
use support::client::Client;

use crate::hanging_disk::Disk;

/// Bodies at once: one that is worked on, and those that wait for it.
const MAX_LARGE: u64 = 8;

fn metric(app: &TestApp, name: &str) -> u64 {
    let metrics = app.get("/metrics").send().text();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0)
}

/// Begins to register a user, with a body of over 2 KB.
fn begin_registration(app: &TestApp, token: &str, name: &str) -> Client {
    let body = json!({
        "username": name, "email": format!("{name}@example.com"), "password": "Secure1!",
        "padding": "x".repeat(3000),
    });
    let body = body.to_string();
    let length = body.len();
    let mut client = app.connect();
    client.send(format!(
        "POST /auth/register HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    ));
    client
}

#[test]
fn one_too_many_is_told_to_come_back_and_counted_for_its_route() {
    let disk = Disk::default();
    let app = TestApp::start_on(&disk, &[]);
    let token = app.admin();
    let hanging = disk.hang();
    let mut waiting = vec![begin_registration(&app, &token, "user0")];
    disk.await_a_hanging_sync();
    waiting.extend((1..=MAX_LARGE).map(|n| begin_registration(&app, &token, &format!("user{n}"))));
    let counted = r#"http_requests_total{method="POST",endpoint="/auth/register",status="503"}"#;
    await_that("none is told to come back", || metric(&app, counted) == 1);
    drop(hanging);
    let responses = waiting.iter_mut().map(|client| client.read());
    let (rejected, done): (Vec<_>, Vec<_>) = responses.partition(|it| it.status == 503);
    assert_eq!((rejected.len(), done.len() as u64), (1, MAX_LARGE));
    assert_eq!(rejected[0].header("Retry-After"), Some("1"));
    for response in done {
        response.good();
    }
}
