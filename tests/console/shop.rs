//! The service of a test, with people in front of it.

use serde_json::{Value, json};
use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};

use super::browser::Browser;
use super::page::Page;

pub struct Shop {
    pub app: TestApp,
    browser: Browser,
}

impl Shop {
    /// None where there is no browser.
    pub fn open() -> Option<Shop> {
        Shop::open_with(&["--rate-limit-requests=0"])
    }

    pub fn open_with(settings: &[&str]) -> Option<Shop> {
        let browser = Browser::launch()?;
        Some(Shop { app: TestApp::start_with(settings), browser })
    }

    /// Where nothing says what changes, as a page sees it between two looks.
    pub fn open_without_feed() -> Option<Shop> {
        Shop::open_with(&["--rate-limit-requests=0", "--events-keep-days=0"])
    }

    pub fn visit(&self, path: &str) -> Page<'_> {
        Page::open(&self.browser, &self.app.address().to_string(), path)
    }

    /// A page of the console with the admin logged in.
    #[track_caller]
    pub fn admin_at(&self, hash: &str) -> Page<'_> {
        self.at(hash, "admin", ADMIN_PASSWORD)
    }

    #[track_caller]
    pub fn user_at(&self, hash: &str, name: &str) -> Page<'_> {
        self.at(hash, name, PASSWORD)
    }

    #[track_caller]
    fn at(&self, hash: &str, name: &str, password: &str) -> Page<'_> {
        let page = self.visit(&format!("/console/{hash}"));
        log_in(&page, name, password);
        page.await_true("document.querySelector('header nav')");
        page
    }

    /// Places an order as the admin, over the API; gives it.
    #[track_caller]
    pub fn place(&self, order: &Value) -> Value {
        self.app.create_order(&self.app.admin(), order).good()
    }

    /// As somebody else, at another screen.
    #[track_caller]
    pub fn set_status(&self, id: &Value, status: &str) {
        let request = self.app.post(&format!("/orders/{id}/status"));
        request.bearer(&self.app.admin()).json(&json!({ "status": status })).send().good();
    }
}

#[track_caller]
pub fn log_in(page: &Page<'_>, name: &str, password: &str) {
    page.fill("username", name);
    page.fill("password", password);
    page.click("Log in");
}

/// Two pizzas and a drink: 26.50 EUR.
pub fn pizzas() -> Value {
    json!({
        "line_items": [
            {"name": "Margherita", "quantity": 2, "unit_price": 950, "tax_rate": 7},
            {"name": "Cola", "quantity": 3, "unit_price": 250, "tax_rate": 19, "note": "no ice"},
        ],
        "currency": "EUR",
        "prices_include_tax": true,
        "customer": {"name": "Ann Example", "phone": "+49 30 1234567"},
        "fulfillment": {"type": "pickup", "due_at": "2025-10-07T07:30:00Z"},
        "note": "Ring twice",
    })
}
