//! The mails that did not go out, and those that did.

use std::thread;
use std::time::Instant;

use support::client::TIMEOUT;
use support::smtp::{Fault, Script, SmtpServer, Step};

use super::shop::{Shop, pizzas};

#[track_caller]
fn await_mails(shop: &Shop, state: &str, count: usize) {
    let (token, began) = (shop.app.admin(), Instant::now());
    let target = format!("/emails/?state={state}");
    while shop.app.read(&token, &target).good()["emails"].as_array().unwrap().len() < count {
        assert!(began.elapsed() < TIMEOUT, "not {count} {state}");
        thread::yield_now();
    }
}

#[test]
fn dead_mails_come_first_with_their_error_and_are_tried_again_together() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("550 5.1.1 No such user here"));
    let port = format!("--smtp-port={}", server.port());
    let settings = ["--rate-limit-requests=0", "--smtp-server=127.0.0.1", &port];
    let Some(shop) = Shop::open_with(&[&settings[..], &["--smtp-tls=none"]].concat()) else {
        return;
    };
    let ann = shop.app.user("ann");
    for _ in 0..2 {
        shop.app.create_order(&ann, &pizzas()).good();
    }
    await_mails(&shop, "dead", 2);
    let page = shop.admin_at("#/mails");
    page.await_true("document.querySelectorAll('tbody tr').length === 2");
    page.await_text("No such user");
    page.click("Preview mail 1");
    page.await_text("Margherita");
    page.click("Close");
    server.heal();
    page.click("Retry mail 1");
    page.await_true("document.querySelectorAll('tbody tr').length === 1");
    page.click("Retry all");
    page.click("Retry all");
    page.await_text("No mails.");
    await_mails(&shop, "sent", 2);
    page.click("Sent");
    page.await_text("ann@example.com");
    page.assert_clean();
}
