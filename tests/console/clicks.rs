//! A click takes a while: what changes between the press and the release must neither swallow it
//! nor make another of it.

use serde_json::{Value, json};

use super::page::Page;
use super::shop::{Shop, pizzas};

/// Somebody else's payment, which leaves the next step as it is.
#[track_caller]
fn pay(shop: &Shop, id: &Value) {
    let request = shop.app.post(&format!("/orders/{id}/payments"));
    let payment = json!({"amount": 2650, "method": "cash"});
    request.bearer(&shop.app.admin()).json(&payment).send().good();
}

/// Has the page note in `done` what it changes and what it opens.
fn record(page: &Page<'_>) {
    page.eval(
        "{
            window.done = [];
            const send = window.fetch;
            window.fetch = (path, options) => {
                if (options.method === 'POST') done.push(path);
                return send(path, options);
            };
            document.addEventListener('click', event => {
                const link = event.target.closest('a');
                if (link) done.push(link.hash);
            });
        }",
    );
}

#[test]
fn a_click_in_a_row_that_is_redrawn_under_it_takes_the_step() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at("");
    page.await_text("● Live");
    let place = page.press_mouse(&format!("Start #{id}"));
    pay(&shop, &id);
    page.await_true("document.querySelector('.orders .pay.paid')");
    page.release_mouse(&place);
    page.await_true("document.querySelector('.orders .badge.processing')");
    page.assert_clean();
}

#[test]
fn a_click_on_a_step_that_another_has_taken_meanwhile_takes_no_other() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at("");
    page.await_text("● Live");
    record(&page);
    let place = page.press_mouse(&format!("Start #{id}"));
    shop.set_status(&id, "processing");
    page.await_true(&format!("document.querySelector('#n{id}').innerText === 'Ready'"));
    page.release_mouse(&place);
    assert_eq!(page.eval("done"), json!([]));
    page.click(&format!("Ready #{id}"));
    page.await_true("document.querySelector('.orders .badge.ready')");
    page.assert_clean();
}

#[test]
fn a_click_at_an_order_that_is_redrawn_under_it_takes_the_step() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at(&format!("#/orders/{id}"));
    page.await_text("● Live");
    let place = page.press_mouse("Start");
    pay(&shop, &id);
    page.await_true("document.querySelector('h1 .pay.paid')");
    page.release_mouse(&place);
    page.await_true("document.querySelector('h1 .badge.processing')");
    page.assert_clean();
}

#[test]
fn a_key_that_is_held_takes_one_step() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at("");
    page.await_text("● Live");
    record(&page);
    page.await_true(&format!("document.querySelector('#n{id}')"));
    page.eval(&format!("document.querySelector('#n{id}').focus()"));
    page.press("Enter");
    page.await_true(&format!("document.activeElement.matches('#n{id}[aria-label^=Ready]')"));
    page.hold("Enter");
    assert_eq!(page.eval("done.length"), 1, "{}", page.eval("done"));
    page.press("Enter");
    page.await_true("document.querySelector('.orders .badge.ready')");
    page.assert_clean();
}
