//! Orders, from the form at the counter to the ticket.

use std::net::TcpListener;

use serde_json::{Value, json};
use support::app::{ADMIN_PASSWORD, TestApp};

use super::browser::Browser;
use super::page::Page;
use super::shop::{Shop, log_in, pizzas};

/// The text of the row that begins with this.
fn row(page: &Page<'_>, name: &str) -> String {
    let name = Value::from(name);
    let find = format!(
        "[...document.querySelectorAll('.orders tbody tr')]
            .find(it => it.querySelector('a').innerText === {name})"
    );
    page.await_true(&find);
    page.eval(&format!("{find}.innerText")).as_str().unwrap().replace(['\n', '\t'], " ")
}

#[track_caller]
fn await_status(page: &Page<'_>, status: &str) {
    page.await_true(&format!("document.querySelector('h1 .badge.{status}')"));
}

#[test]
fn an_order_is_placed_at_the_counter_with_its_total_as_one_types() {
    let Some(shop) = Shop::open() else { return };
    let page = shop.admin_at("#/new");
    let total = || page.eval("document.getElementById('total').innerText");
    page.fill("line_items.0.name", "Margherita");
    page.fill("line_items.0.quantity", "2");
    page.fill("line_items.0.unit_price", "9,50");
    page.fill("line_items.0.tax_rate", "7");
    page.fill("currency", "eur");
    assert_eq!(total(), "Total €20.33");
    page.click("Prices include tax");
    assert_eq!(total(), "Total €19.00");
    page.click("Add a line");
    page.fill("line_items.1.name", "Cheese");
    page.fill("line_items.1.quantity", "0.125");
    page.fill("line_items.1.unit_price", "19.99");
    page.fill("line_items.1.tax_rate", "0");
    assert_eq!(total(), "Total €21.50");
    page.fill("customer.name", "Ann Example");
    page.click("in 30 min");
    page.fill("reference_id", "A-17");
    page.click("Place order");
    page.await_text("A-17 is placed.");
    page.click("Orders");
    let row = row(&page, "A-17");
    for part in ["Pending", "Ann Example", "2 × Margherita, 0.125 × Cheese", "€21.50", "unpaid"]
    {
        assert!(row.to_lowercase().contains(&part.to_lowercase()), "no {part:?} in {row}");
    }
    let stored = shop.app.read(&shop.app.admin(), "/orders/?reference_id=A-17").good();
    let stored = &stored["orders"][0];
    assert_eq!((&stored["total"], &stored["tax_total"]), (&json!(2150), &json!(124)));
    assert_eq!(stored["fulfillment"]["type"], "pickup");
    page.assert_clean();
}

#[test]
fn what_is_wrong_with_a_new_order_stands_at_its_field() {
    let Some(shop) = Shop::open() else { return };
    let mut page = shop.admin_at("#/new");
    page.expect("status of 422");
    page.fill("line_items.0.unit_price", "9.999");
    page.fill("currency", "EUR");
    page.click("Place order");
    page.await_text("at most 2 decimals");
    page.fill("line_items.0.unit_price", "9.99");
    page.click("Place order");
    let fault = "document.activeElement.name === 'line_items.0.name'
        && document.activeElement.getAttribute('aria-invalid')";
    page.await_true(fault);
    assert_eq!(page.eval("document.querySelector('[name=currency]').value"), "EUR");
    page.assert_clean();
}

#[test]
fn an_order_goes_from_the_list_to_completed_click_by_click() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let name = format!("#{id}");
    let page = shop.admin_at("");
    row(&page, &name);
    page.click(&format!("Start {name}"));
    page.click(&format!("Ready {name}"));
    page.await_true("document.querySelector('.orders .badge.ready')");
    page.click(&name);
    page.click("Complete");
    await_status(&page, "completed");
    page.await_text("ready → completed");
    page.click("« Orders");
    page.await_text("No open orders.");
    page.click("Completed");
    row(&page, &name);
    page.assert_clean();
}

#[test]
fn an_order_is_canceled_with_a_reason() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at(&format!("#/orders/{id}"));
    page.click("Cancel the order");
    page.choose("reason", "inventory");
    page.fill("note", "No flour");
    page.click_submit();
    await_status(&page, "canceled");
    page.await_text("inventory");
    page.await_text("No flour");
    page.assert_clean();
}

#[test]
fn a_note_that_is_emptied_is_gone() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at(&format!("#/orders/{id}"));
    page.await_text("Ring twice");
    page.click("Change the note");
    page.await_true("document.activeElement.name === 'note'");
    page.eval("document.activeElement.value = ''");
    page.click_submit();
    page.await_text("update of note");
    assert!(!page.eval("document.body.innerText").as_str().unwrap().contains("Ring twice"));
    page.assert_clean();
}

#[test]
fn money_is_recorded_and_given_back() {
    let Some(shop) = Shop::open() else { return };
    let mut page = {
        let id = shop.place(&pizzas())["id"].clone();
        shop.admin_at(&format!("#/orders/{id}"))
    };
    page.expect("status of 409");
    page.click("Record a payment");
    page.fill("amount", "30");
    page.click_submit();
    page.await_text("At most €26.50.");
    page.fill("amount", "20.00");
    page.click_submit();
    page.await_true("document.querySelector('.pay.partially_paid')");
    page.click("Record a payment");
    page.await_true("document.querySelector('[name=amount]')?.value === '6.50'");
    page.click_submit();
    page.await_true("document.querySelector('h1 .pay.paid')");
    page.click("Refund");
    page.fill("amount", "7.50");
    page.choose("reason", "duplicate");
    page.click_submit();
    page.await_true("document.querySelector('h1 .pay.partially_refunded')");
    for text in ["payment of €20.00", "refund of €7.50, duplicate"] {
        page.await_text(text);
    }
    page.assert_clean();
}

#[test]
fn an_order_whose_every_field_is_markup_is_shown_as_text() {
    let Some(shop) = Shop::open() else { return };
    let hostile = "<img src=x onerror=\"document.title='owned'\">";
    let order = json!({
        "line_items": [{"name": hostile, "sku": hostile, "note": hostile, "unit": "<b>"}],
        "customer": {"name": hostile, "phone": "<script>alert(1)</script>"},
        "fulfillment": {"type": "delivery", "due_at": "2025-10-07T07:30:00Z", "note": hostile,
            "address": {"line1": hostile, "city": hostile}},
        "reference_id": "\"><script>alert(1)</script>",
        "note": hostile,
        "metadata": {"a": hostile},
    });
    let id = shop.place(&order)["id"].clone();
    let page = shop.admin_at("");
    for hash in ["#/orders".to_owned(), format!("#/orders/{id}"), "#/mails?state=pending".into()] {
        page.eval(&format!("location.hash = {}", Value::from(hash)));
        page.await_true("document.querySelector('main td, main .state')");
        let made = "document.querySelectorAll('img, main script').length";
        assert_eq!(page.eval(made), 0);
    }
    page.eval(&format!("location.hash = '#/orders/{id}'"));
    page.await_text("<img src=x onerror=");
    page.await_text("<script>alert(1)</script>");
    assert!(!page.eval("document.title").as_str().unwrap().contains("owned"));
    page.assert_clean();
}

#[test]
fn the_print_of_an_order_is_a_ticket_of_80_mm() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at(&format!("#/orders/{id}"));
    page.await_text("Margherita");
    page.emulate("light", "print");
    let seen = page.eval("document.body.innerText").as_str().unwrap().to_owned();
    for text in ["2 × Margherita", "no ice", "Ann Example", "€26.50", "Ring twice"] {
        assert!(seen.contains(text), "no {text:?} in {seen}");
    }
    for text in ["Log out", "Record a payment", "Mails"] {
        assert!(!seen.contains(text), "{text:?} in {seen}");
    }
    page.emulate("light", "");
    let (width_mm, pages) = page.print();
    assert!((width_mm - 80.0).abs() < 1.0 && pages == 1, "{width_mm} mm, {pages} pages");
    page.assert_clean();
}

#[test]
fn everything_goes_by_the_keyboard_alone() {
    let Some(shop) = Shop::open() else { return };
    for name in ["Ann", "Bob"] {
        let mut order = pizzas();
        order["customer"] = json!({ "name": name });
        shop.place(&order);
    }
    let page = shop.visit("/console/");
    page.await_true("document.activeElement.name === 'username'");
    page.write("admin");
    page.press("Tab");
    page.write(ADMIN_PASSWORD);
    page.press("Enter");
    page.await_true("document.querySelectorAll('.orders tbody tr').length === 2");
    page.press("?");
    page.await_text("Account turns them off.");
    page.press("Escape");
    page.await_true("!document.querySelector('dialog')");
    page.press("/");
    page.await_true("document.activeElement.type === 'search'");
    page.write("bob");
    page.await_true("document.querySelectorAll('.orders tbody tr').length === 1");
    page.press("Escape");
    page.press("j");
    page.await_true("document.activeElement.matches('.orders a')");
    page.press("Enter");
    await_status(&page, "pending");
    page.await_true("document.querySelector('h1').innerText.includes('#2')");
    page.press("Escape");
    page.await_true("document.activeElement.matches('.orders a')");
    page.press("n");
    page.await_true("document.activeElement.name === 'line_items.0.name'");
    page.write("Cola");
    page.press("Enter");
    page.await_true("document.activeElement.name === 'line_items.1.name'");
    page.write("Water");
    page.press_with("Enter", 2);
    page.await_text("#3 is placed.");
    page.assert_clean();
}

#[test]
fn a_page_of_many_leads_on_and_back_and_a_reload_keeps_the_place() {
    let Some(shop) = Shop::open() else { return };
    let token = shop.app.admin();
    for _ in 0..60 {
        shop.app.create_order(&token, &json!({"line_items": [{"name": "Tea"}]})).good();
    }
    let page = shop.admin_at("");
    let rows = "document.querySelectorAll('.orders tbody tr').length";
    page.await_true(&format!("{rows} === 50"));
    page.click("Next »");
    page.await_true(&format!("{rows} === 10"));
    page.reload();
    page.await_true(&format!("{rows} === 10"));
    page.click("#55");
    await_status(&page, "pending");
    page.eval("history.back()");
    page.await_true("document.activeElement.innerText === '#55'");
    page.eval("history.back()");
    page.await_true(&format!("{rows} === 50"));
    page.assert_clean();
}

#[test]
fn a_user_sees_and_cancels_their_own_orders_alone() {
    let Some(shop) = Shop::open() else { return };
    let ann = shop.app.user("ann");
    shop.place(&pizzas());
    let id = shop.app.create_order(&ann, &pizzas()).good()["id"].clone();
    let page = shop.user_at("", "ann");
    page.await_true("document.querySelectorAll('.orders tbody tr').length === 1");
    let shown = page.eval("document.body.innerText").as_str().unwrap().to_owned();
    for hidden in ["Mails", "Webhooks", "Users", "System", "Start"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    page.click(&format!("#{id}"));
    page.click("Cancel the order");
    page.choose("reason", "customer");
    page.click_submit();
    await_status(&page, "canceled");
    page.eval("location.hash = '#/system'");
    page.await_text("This page is for admins.");
    page.assert_clean();
}

#[test]
fn a_token_that_ends_amid_a_new_order_costs_nothing_that_was_typed() {
    let Some(shop) = Shop::open() else { return };
    let mut page = shop.admin_at("#/new");
    page.expect("status of 401");
    page.fill("line_items.0.name", "Tea");
    shop.app.advance_secs(31 * 60);
    page.click("Place order");
    page.await_text("Your session has ended");
    page.fill("password", ADMIN_PASSWORD);
    page.click("Go on");
    page.await_text("#1 is placed.");
    page.assert_clean();
}

#[test]
fn a_server_that_is_gone_for_a_while_is_told_and_the_page_mends_itself() {
    let Some(browser) = Browser::launch() else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = format!("--port={port}");
    let mut app = TestApp::start_with(&[&port, "--rate-limit-requests=0"]);
    let mut page = Page::open(&browser, &app.address().to_string(), "/console/");
    for complaint in ["ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"] {
        page.expect(complaint);
    }
    log_in(&page, "admin", ADMIN_PASSWORD);
    page.await_text("No open orders.");
    page.click("New order");
    page.fill("line_items.0.name", "Tea");
    app.stop();
    page.click("Place order");
    page.await_text("No connection to the server.");
    app.restart();
    page.await_text("The connection is back.");
    assert_eq!(page.eval("document.querySelector('[name=\"line_items.0.name\"]').value"), "Tea");
    page.click("Place order");
    page.await_text("is placed.");
    page.assert_clean();
}
