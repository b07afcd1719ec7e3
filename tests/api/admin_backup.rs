//! `GET /admin/backup`: one at a time, whatever its client does.

use std::fs;
use std::thread;
use std::time::Instant;

use orderd::store::check_file;

use support::app::TestApp;
use support::backup::{Download, LARGE_BYTES, enlarge, fill, leftovers, write_over};
use support::client::TIMEOUT;
use support::folder::Folder;
use support::response::Response;

const PATH: &str = "/admin/backup";
const UNDER_WAY: &str = "A backup is under way";

/// An app with long timeouts, for slow clients; and the admin's token.
fn app_for_slow_clients() -> (TestApp, String) {
    let app = TestApp::start_with(&["--rate-limit-requests=0", "--http-request-timeout=600"]);
    let token = app.admin();
    (app, token)
}

/// A client that has read the head of its backup, and not yet the rest.
fn begin(app: &TestApp, token: &str) -> Download {
    let mut download = Download::ask(app.address(), token);
    assert_eq!(download.status(), 200);
    download
}

#[track_caller]
fn assert_whole(backup: &[u8]) {
    assert!(backup.len() > LARGE_BYTES, "{} bytes", backup.len());
    let folder = Folder::new();
    folder.write("b.redb", backup);
    let check = check_file(&folder.join("b.redb")).unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

/// A backup, as soon as none is under way.
#[track_caller]
fn download_when_free(app: &TestApp, token: &str) -> Response {
    ask_when_free(app, token, "GET")
}

#[track_caller]
fn ask_when_free(app: &TestApp, token: &str, method: &str) -> Response {
    let started = Instant::now();
    loop {
        let response = app.request(method, PATH).bearer(token).send();
        if response.status == 200 {
            return response;
        }
        response.assert_status(409);
        assert!(started.elapsed() < TIMEOUT, "it is under way for ever");
        thread::yield_now();
    }
}

#[test]
fn a_download_is_under_way_until_its_client_has_all_of_it() {
    let (app, token) = app_for_slow_clients();
    enlarge(app.app().store());
    let first = begin(&app, &token);
    app.read(&token, PATH).assert_detail(409, UNDER_WAY);
    app.request("HEAD", PATH).bearer(&token).send().assert_status(409);
    assert_whole(&first.rest().unwrap());
    let second = app.read(&token, PATH);
    second.assert_status(200);
    assert_whole(&second.body);
    assert_eq!(leftovers(app.folder().path()), [""; 0]);
}

#[test]
fn a_client_that_leaves_amid_its_download_leaves_no_file_and_makes_way_for_the_next() {
    let (app, token) = app_for_slow_clients();
    enlarge(app.app().store());
    let first = begin(&app, &token);
    assert_eq!(leftovers(app.folder().path()), [""; 0], "the disk's room is the client's");
    drop(first);
    assert_whole(&download_when_free(&app, &token).body);
    assert_eq!(leftovers(app.folder().path()), [""; 0]);
}

#[test]
fn a_client_that_leaves_while_its_backup_is_made_leaves_no_file_and_makes_way_for_the_next() {
    let (app, token) = app_for_slow_clients();
    enlarge(app.app().store());
    fill(app.app().store());
    let unfinished = app.folder().join("orders.download.unfinished");
    let mut first = Download::ask(app.address(), &token);
    let started = Instant::now();
    while !unfinished.exists() {
        assert!(started.elapsed() < TIMEOUT, "status {}", first.status());
        thread::yield_now();
    }
    app.read(&token, PATH).assert_detail(409, UNDER_WAY);
    drop(first);
    assert_whole(&download_when_free(&app, &token).body);
    assert_eq!(leftovers(app.folder().path()), [""; 0]);
}

/// An open transaction would keep every version of the row that it may still read.
#[test]
fn a_slow_download_keeps_no_transaction_open() {
    const ROUNDS: u64 = 12;
    let (app, token) = app_for_slow_clients();
    let large = enlarge(app.app().store());
    let first = begin(&app, &token);
    let size = || fs::metadata(app.folder().join("orders.redb")).unwrap().len();
    let before = size();
    for _ in 0..ROUNDS {
        write_over(app.app().store(), large);
    }
    let grown = size() - before;
    assert!(grown < (ROUNDS - 4) * LARGE_BYTES as u64, "{grown} bytes more");
    assert_whole(&first.rest().unwrap());
}

/// When the last backup was made, from the metrics.
fn last_backup(app: &TestApp) -> u64 {
    let text = app.get("/metrics").send().text();
    let name = "orderd_last_verified_backup_timestamp_seconds ";
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[test]
fn a_download_is_the_last_backup_once_its_client_has_all_of_it_and_not_before() {
    let (app, token) = app_for_slow_clients();
    enlarge(app.app().store());
    let left = begin(&app, &token);
    assert_eq!(last_backup(&app), 0, "nobody has it");
    drop(left);
    ask_when_free(&app, &token, "HEAD");
    assert_eq!(last_backup(&app), 0, "the client has left, and a HEAD brings nothing");
    app.advance_secs(60);
    assert_whole(&app.read(&token, PATH).body);
    assert_eq!(last_backup(&app), app.clock.now().as_secs());
}
