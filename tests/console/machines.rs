//! Keys and webhooks: what stands in for people.

use super::shop::Shop;

#[test]
fn a_key_is_made_shown_once_used_to_log_in_and_revoked() {
    let Some(shop) = Shop::open() else { return };
    let mut page = shop.admin_at("#/account");
    page.expect("status of 401");
    page.click("Make a key");
    page.fill("name", "Kiosk");
    page.click_submit();
    page.await_true("document.querySelector('.secret')?.innerText.startsWith('orderd_')");
    let key = page.eval("document.querySelector('.secret').innerText");
    page.click("Close");
    page.await_text("Kiosk");

    let mut kiosk = shop.visit("/console/");
    for complaint in ["status of 401", "status of 403"] {
        kiosk.expect(complaint);
    }
    kiosk.click("Use a key");
    kiosk.fill("key", key.as_str().unwrap());
    kiosk.click_submit();
    kiosk.await_text("No open orders.");
    kiosk.await_true("!document.querySelector('nav [href$=users]')");
    kiosk.click("admin (key)");
    kiosk.await_text("so that a stolen key makes no others");
    kiosk.click("System");
    kiosk.await_text("A key may not see that.");

    page.click("Revoke Kiosk");
    page.click("Revoke");
    page.await_text("revoked");
    kiosk.click("Orders");
    kiosk.await_text("The key is not valid any more");
    page.assert_clean();
    kiosk.assert_clean();
}

#[test]
fn a_webhook_is_added_tested_disabled_moved_and_deleted() {
    let Some(shop) = Shop::open() else { return };
    let page = shop.admin_at("#/webhooks");
    page.await_text("No webhooks.");
    page.click("Add a webhook");
    page.fill("url", "http://127.0.0.1:9/hook");
    page.fill("types", "order.ready");
    page.click_submit();
    page.await_true("document.querySelector('.secret')?.innerText.startsWith('whsec_')");
    page.click("Close");
    page.click("http://127.0.0.1:9/hook");
    page.click("Send a test");
    page.await_true("document.querySelector('#note .fault')");
    page.click("Disable");
    page.click("Enable");
    page.click("Move its position");
    page.fill("after", "0");
    page.click_submit();
    page.await_true("!document.querySelector('details[open]')");
    page.click("Rotate the secret");
    page.click("Rotate the secret");
    page.await_true("document.querySelector('.secret')?.innerText.startsWith('whsec_')");
    page.click("Close");
    page.click("Delete");
    page.click("Delete");
    page.await_text("No webhooks.");
    page.assert_clean();
}
