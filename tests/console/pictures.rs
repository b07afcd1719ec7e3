//! The README's pictures. `scripts/screenshots.sh` makes them; no run of the tests does.

use std::{env, fs};

use serde_json::{Value, json};
use support::folder::Folder;
use support::process::{Call, Running};

use super::browser::Browser;
use super::page::Page;
use super::shop::log_in;

const PASSWORD: &str = "Chief0f!All";

#[test]
#[ignore = "writes files: scripts/screenshots.sh"]
fn the_readmes_pictures() {
    let into = env::var("SCREENSHOTS").expect("the folder to write to");
    let browser = Browser::launch().expect("a browser");
    let folder = Folder::new();
    let settings = [
        ("ADMIN_PASSWORD", PASSWORD),
        ("RATE_LIMIT_REQUESTS", "0"),
        ("SHOP_NAME", "Pizzeria Roma"),
        ("LOG_FILE", ""),
    ];
    let shop = Call::within(&folder).envs(&settings).start();
    fill(&shop);
    let page = Page::open(&browser, &shop.address.to_string(), "/console/");
    page.resize(1100, 520);
    log_in(&page, "admin", PASSWORD);
    page.await_true("document.querySelectorAll('.orders tbody tr').length === 7");
    save(&page, &into, "orders");
    page.emulate("dark", "");
    page.click("A-18");
    page.await_text("Payments and history");
    page.eval("document.activeElement.blur()");
    save(&page, &into, "order-dark");
    shop.stop();
}

/// As base64, which the script undoes.
fn save(page: &Page<'_>, into: &str, name: &str) {
    fs::write(format!("{into}/{name}.b64"), page.screenshot(false)).unwrap();
}

fn fill(shop: &Running) {
    let token = shop.token("admin", PASSWORD);
    let post =
        |path: &str, body: Value| shop.ask("POST", path, Some(&token), &body.to_string()).good();
    let orders = [
        ("A-17", "Ann Example", json!([["Margherita", 2, 950], ["Cola", 3, 250]])),
        ("A-18", "Carla Müller", json!([["Quattro stagioni", 1, 1250], ["Tiramisù", 2, 550]])),
        ("A-19", "Dev Patel", json!([["Calzone", 1, 1150]])),
        ("A-20", "Erik Lind", json!([["Diavola", 3, 1100], ["Water", 3, 220]])),
        ("A-21", "Fatima Noor", json!([["Marinara", 1, 800], ["Rucola salad", 1, 690]])),
        ("A-22", "Giulia Conti", json!([["Funghi", 2, 1050]])),
        ("A-23", "Hana Sato", json!([["Margherita", 1, 950], ["Espresso", 2, 230]])),
    ];
    for (minutes, (reference, name, lines)) in (5..).step_by(10).zip(orders) {
        let due = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let lines: Vec<Value> = lines
            .as_array()
            .unwrap()
            .iter()
            .map(|it| json!({"name": it[0], "quantity": it[1], "unit_price": it[2], "tax_rate": 7}))
            .collect();
        post(
            "/orders/create",
            json!({
                "line_items": lines, "currency": "EUR", "prices_include_tax": true,
                "reference_id": reference, "customer": {"name": name, "phone": "+49 30 1234567"},
                "fulfillment": {"type": "pickup", "due_at": due.to_string()},
            }),
        );
    }
    for (id, status) in [(1, "ready"), (2, "processing"), (3, "processing")] {
        post(&format!("/orders/{id}/status"), json!({ "status": status }));
    }
    for (id, amount) in [(1, 2650), (2, 1000)] {
        post(&format!("/orders/{id}/payments"), json!({"amount": amount, "method": "card"}));
    }
}
