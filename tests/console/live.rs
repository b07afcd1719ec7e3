//! What one does shows at another's screen, with nothing asked for.

use serde_json::json;

use super::shop::{Shop, pizzas};

#[test]
fn a_new_order_comes_in_at_another_screen_marked_and_counted() {
    let Some(shop) = Shop::open() else { return };
    shop.place(&pizzas());
    let kitchen = shop.admin_at("");
    kitchen.await_true("document.querySelectorAll('.orders tbody tr').length === 1");
    kitchen.await_text("● Live");
    let place = "document.querySelector('#n1').getBoundingClientRect().y";
    let before = kitchen.eval(place);
    let counter = shop.admin_at("#/new");
    counter.fill("line_items.0.name", "Calzone");
    counter.fill("reference_id", "B-1");
    counter.click("Place order");
    kitchen.await_true("document.querySelector('.orders tr.fresh')?.innerText.includes('Calzone')");
    kitchen.await_true("document.querySelector('.news').innerText.startsWith('New: B-1')");
    kitchen.await_true("document.querySelector('.tabs a').innerText === 'Open 2'");
    assert_eq!(kitchen.eval(place), before, "what one is about to click has moved");
    kitchen.assert_clean();
    counter.assert_clean();
}

#[test]
fn a_change_shows_at_the_order_and_in_the_list_of_another() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let (list, order) = (shop.admin_at(""), shop.admin_at(&format!("#/orders/{id}")));
    list.await_text("● Live");
    order.await_text("● Live");
    shop.set_status(&id, "ready");
    list.await_true("document.querySelector('.orders .badge.ready')");
    order.await_true("document.querySelector('h1 .badge.ready')");
    list.click(&format!("Complete #{id}"));
    order.await_true("document.querySelector('h1 .badge.completed')");
    list.await_true("document.querySelector('.orders tr.moved')");
    for page in [&list, &order] {
        page.assert_clean();
    }
}

#[test]
fn ten_that_come_in_at_once_are_all_there_in_their_order() {
    let Some(shop) = Shop::open() else { return };
    let page = shop.admin_at("");
    page.await_text("● Live");
    let token = shop.app.admin();
    for number in 0..10 {
        let order = json!({"line_items": [{"name": "Tea"}], "reference_id": format!("T-{number}")});
        shop.app.create_order(&token, &order).good();
    }
    page.await_true("document.querySelectorAll('.orders tr.fresh').length === 10");
    let names = "[...document.querySelectorAll('.orders tbody a')].map(it => it.innerText).join()";
    assert_eq!(page.eval(names), "T-0,T-1,T-2,T-3,T-4,T-5,T-6,T-7,T-8,T-9");
    page.await_text("10 new, the last: T-9");
    page.assert_clean();
}
