//! Who gets in, and what happens when they may not any more.

use serde_json::json;
use support::app::{ADMIN_PASSWORD, PASSWORD};

use super::shop::{Shop, log_in};

#[test]
fn a_browser_is_led_to_the_console_and_logs_in() {
    let Some(shop) = Shop::open() else { return };
    let mut page = shop.visit("/");
    page.expect("status of 401");
    assert_eq!(page.eval("location.pathname"), "/console/");
    log_in(&page, "admin", "wrong");
    page.await_text("Incorrect username or password");
    log_in(&page, "admin", ADMIN_PASSWORD);
    page.await_text("No open orders.");
    page.assert_clean();
}

#[test]
fn a_session_lasts_through_a_reload_and_ends_with_log_out() {
    let Some(shop) = Shop::open() else { return };
    let page = shop.admin_at("#/system");
    page.await_text("Healthy");
    page.reload();
    page.await_text("Healthy");
    page.click("admin");
    page.click("Log out");
    page.await_true("document.querySelector('[name=password]')");
    assert_eq!(page.eval("sessionStorage.getItem('orderd')"), "null");
    page.assert_clean();
}

#[test]
fn an_expired_token_asks_over_the_page_and_nothing_typed_is_lost() {
    let Some(shop) = Shop::open() else { return };
    let mut page = shop.admin_at("#/users");
    page.expect("status of 401");
    page.click("Add a user");
    page.fill("username", "bob");
    page.fill("email", "bob@example.com");
    page.fill("password", PASSWORD);
    shop.app.advance_secs(31 * 60);
    page.click_submit();
    page.await_text("Your session has ended");
    page.fill("password", ADMIN_PASSWORD);
    page.click("Go on");
    page.await_true("[...document.querySelectorAll('td')].some(it => it.innerText === 'bob')");
    page.assert_clean();
}

#[test]
fn too_many_logins_count_down_and_leave_the_form_as_it_is() {
    let Some(shop) = Shop::open_with(&["--rate-limit-requests=1"]) else { return };
    let mut page = shop.visit("/console/");
    page.expect("status of 401");
    page.expect("status of 429");
    log_in(&page, "admin", "wrong");
    page.await_text("Incorrect");
    page.click("Log in");
    page.await_true("/Again in \\d+ s/.test(document.querySelector('form button').innerText)");
    assert_eq!(page.eval("document.querySelector('[name=password]').value"), "wrong");
    page.assert_clean();
}

#[test]
fn a_computer_whose_clock_is_off_is_told_and_ages_go_by_the_servers() {
    let Some(shop) = Shop::open() else { return };
    let page = shop.admin_at("#/system");
    let ahead = "{ const now = Date.now; Date.now = () => now() + 3 * 3600000; }";
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": ahead }));
    page.reload();
    page.await_text("This computer’s is 3 h fast; ages go by the server’s.");
    page.assert_clean();
}

#[test]
fn what_a_proxy_hides_is_left_out_of_the_system_page_which_says_so() {
    let Some(shop) = Shop::open() else { return };
    let mut page = shop.admin_at("");
    page.expect("/metrics");
    page.expect("/admin/status");
    page.await_text("No open orders.");
    let hidden = [json!({"urlPattern": "*/metrics"}), json!({"urlPattern": "*/admin/*"})];
    page.call("Fetch.enable", json!({ "patterns": hidden }));
    page.click("System");
    for _ in 0..2 {
        page.refuse_request(404);
    }
    page.await_text("Left out: the state and backups and the metrics. A proxy hides that");
    let shown = page.eval("document.body.innerText").as_str().unwrap().to_owned();
    assert!(shown.contains("Healthy") && !shown.contains("Disk free"), "{shown}");
    page.call("Fetch.disable", json!({}));
    page.assert_clean();
}

#[test]
fn the_page_of_a_user_who_is_not_there_says_so() {
    let Some(shop) = Shop::open() else { return };
    shop.app.user("ann");
    let mut page = shop.admin_at("#/users/2");
    page.expect("status of 404");
    page.await_text("ann@example.com");
    page.eval("location.hash = '#/users/3'");
    page.await_text("There is no such thing here.");
    page.assert_clean();
}
