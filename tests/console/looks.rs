//! How it looks, to eyes and to a screen reader, at every width and in both schemes.

use std::{env, fs};

use serde_json::Value;

use super::browser;
use super::page::Page;
use super::shop::{Shop, pizzas};

/// The path of axe-core's script, which finds what a screen reader's user would trip over.
const AXE: &str = "AXE";
const WIDTHS: [u32; 5] = [360, 375, 768, 1400, 2560];
const PAGES: [&str; 9] =
    ["orders", "orders/1", "new", "mails", "webhooks", "users", "users/1", "system", "account"];

fn settled(page: &Page<'_>, hash: &str) {
    page.eval(&format!("location.hash = '#/{hash}'"));
    page.await_true(
        "document.querySelector('main h1') && !document.body.innerText.includes('Loading…')",
    );
}

#[test]
fn no_page_scrolls_sideways_at_any_width() {
    let Some(shop) = Shop::open() else { return };
    shop.place(&pizzas());
    let page = shop.admin_at("");
    for hash in PAGES {
        settled(&page, hash);
        for width in WIDTHS {
            page.resize(width, 800);
            let over = page.eval("document.documentElement.scrollWidth - innerWidth");
            assert!(over.as_i64() <= Some(0), "{hash} at {width}: {over}");
        }
    }
    page.assert_clean();
}

#[test]
fn nothing_serious_stands_in_a_screen_readers_way() {
    let Some(shop) = Shop::open() else { return };
    let Some(path) = env::var_os(AXE) else {
        return browser::tell("AXE names no axe.min.js: the accessibility test is skipped");
    };
    let axe = fs::read_to_string(path).unwrap();
    shop.place(&pizzas());
    let page = shop.visit("/console/");
    page.eval(&format!("{axe}; 1"));
    judge(&page, "log in");
    super::shop::log_in(&page, "admin", support::app::ADMIN_PASSWORD);
    for hash in PAGES {
        settled(&page, hash);
        page.eval(
            "document.querySelectorAll('details:not([hidden])').forEach(it => it.open = true)",
        );
        for scheme in ["light", "dark"] {
            page.emulate(scheme, "");
            judge(&page, &format!("{hash}, {scheme}"));
        }
    }
    page.assert_clean();
}

#[track_caller]
fn judge(page: &Page<'_>, what: &str) {
    let found = page.eval(
        "axe.run({resultTypes: ['violations']}).then(({violations, passes}) => passes.length < 5
            ? ['it has looked at nothing']
            : violations.filter(it => ['serious', 'critical'].includes(it.impact))
                .map(it => `${it.id}: ${it.nodes[0].html} ${it.nodes[0].failureSummary}`))",
    );
    assert_eq!(found, Value::from(Vec::<Value>::new()), "{what}");
}
