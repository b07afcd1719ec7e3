//! What comes too late: somebody's change, an answer that another has overtaken, a timer of a page
//! that is gone.

use serde_json::{Value, json};

use super::page::Page;
use super::shop::{Shop, pizzas};

/// Somebody else's note.
#[track_caller]
fn note(shop: &Shop, id: &Value, note: &str) {
    let request = shop.app.post(&format!("/orders/{id}/update"));
    request.bearer(&shop.app.admin()).json(&json!({ "note": note })).send().good();
}

/// Answers of this path wait until they are let through.
fn hold_answers(page: &Page<'_>, path: &str) {
    let pattern = json!({"urlPattern": format!("*{path}?*"), "requestStage": "Response"});
    page.call("Fetch.enable", json!({"patterns": [pattern]}));
}

#[test]
fn of_two_who_change_the_same_order_the_second_is_told_what_it_is_now() {
    let Some(shop) = Shop::open_without_feed() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let mut page = shop.admin_at("");
    page.expect("status of 404");
    page.expect("status of 409");
    page.expect("status of 412");
    page.await_text(&format!("#{id}"));
    shop.set_status(&id, "ready");
    page.click(&format!("Start #{id}"));
    page.await_text(&format!("#{id} is ready now"));
    page.await_true("document.querySelector('.orders .badge.ready')");
    page.click(&format!("#{id}"));
    page.click("Change the note");
    page.fill("note", "Two spoons");
    shop.set_status(&id, "completed");
    page.click_submit();
    page.await_text(&format!("#{id} is completed now"));
    assert_eq!(page.eval("document.querySelector('[name=note]').value"), "Two spoons");
    page.assert_clean();
}

#[test]
fn an_answer_that_a_later_one_has_overtaken_changes_nothing() {
    let Some(shop) = Shop::open() else { return };
    let id = shop.place(&pizzas())["id"].clone();
    let page = shop.admin_at(&format!("#/orders/{id}"));
    page.await_text("● Live");
    page.await_text("Ring twice");
    hold_answers(&page, &format!("/orders/{id}"));
    note(&shop, &id, "first");
    let early = page.await_held();
    shop.set_status(&id, "processing");
    let late = page.await_held();
    page.let_through(&late);
    page.await_true("document.querySelector('h1 .badge.processing')");
    let come =
        "performance.getEntriesByType('resource').filter(it => it.name.endsWith('?')).length";
    let before = page.eval(come);
    page.let_through(&early);
    page.await_true(&format!("{come} > {before}"));
    page.eval("new Promise(done => requestAnimationFrame(() => setTimeout(done)))");
    page.call("Fetch.disable", json!({}));
    // With the older order's version this would be refused.
    page.click("Ready");
    page.await_true("document.querySelector('h1 .badge.ready')");
    page.assert_clean();
}

#[test]
fn a_search_that_one_leaves_amid_typing_leads_nowhere() {
    let Some(shop) = Shop::open() else { return };
    let page = shop.admin_at("");
    page.await_text("No open orders.");
    page.eval(
        "{
            window.timers = [];
            const start = setTimeout;
            window.setTimeout = (run, ms) => ms === 200 ? timers.push(run) : start(run, ms);
        }",
    );
    page.eval("document.querySelector('[type=search]').focus()");
    page.write("ann");
    page.eval("location.hash = '#/new'");
    page.await_true("document.activeElement.name === 'line_items.0.name'");
    assert_eq!(page.eval("timers.map(run => run()).length"), 1);
    assert_eq!(page.eval("location.hash"), "#/new");
    page.assert_clean();
}
