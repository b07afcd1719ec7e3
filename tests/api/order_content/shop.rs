//! A shop with an admin and two customers, its orders, and how an answer of it is judged.

use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use support::app::{Request, TestApp};
use support::client::{Client, TIMEOUT};
use support::response::Response;

pub const ADMIN_ID: u64 = 1;
pub const ANN_ID: u64 = 2;
pub const BEN_ID: u64 = 3;
/// When the clock of a test begins, as old and as new times print.
pub const START: &str = "2025-10-07T05:58:11";
pub const START_Z: &str = "2025-10-07T05:58:11Z";
/// What `GET /orders/{id}` alone adds.
pub const ADDED: [&str; 3] = ["history", "payments", "refunds"];
pub const STATUSES: [&str; 6] =
    ["pending", "processing", "ready", "completed", "canceled", "failed"];

/// The service, and the tokens of its admin and of two plain users.
pub struct Shop {
    pub app: TestApp,
    pub admin: String,
    pub ann: String,
    pub ben: String,
}

impl Shop {
    pub fn open() -> Shop {
        Shop::open_with(&[])
    }

    /// With settings as flags; without rate limits unless they say otherwise.
    pub fn open_with(settings: &[&str]) -> Shop {
        let app = TestApp::start_with(&[&["--rate-limit-requests=0"], settings].concat());
        let (admin, ann, ben) = (app.admin(), app.user("ann"), app.user("ben"));
        Shop { app, admin, ann, ben }
    }

    pub fn create(&self, token: &str, body: &Value) -> Response {
        self.app.create_order(token, body)
    }

    /// With a body that is written as it stands, since `json!` can't say `1e3`.
    pub fn create_text(&self, token: &str, body: impl Into<Vec<u8>>) -> Response {
        let request = self.app.post("/orders/create").bearer(token);
        request.header("Content-Type", "application/json").body(body).send()
    }

    pub fn create_with_key(&self, token: &str, key: &str, body: &Value) -> Response {
        let request = self.app.post("/orders/create").bearer(token);
        request.header("Idempotency-Key", key).json(body).send()
    }

    /// Places the order, which must succeed, and gives its body.
    #[track_caller]
    pub fn place(&self, token: &str, body: &Value) -> Value {
        self.create(token, body).good()
    }

    /// The id of a new order of Ann's.
    #[track_caller]
    pub fn pizza(&self) -> u64 {
        id(&self.place(&self.ann, &pizza()))
    }

    /// The id of a new order of Ann's whose total is that.
    #[track_caller]
    pub fn worth(&self, total: u64) -> u64 {
        let line = json!({"name": "Cake", "unit_price": total});
        id(&self.place(&self.ann, &json!({"currency": "EUR", "line_items": [line]})))
    }

    /// The id of a new order of Ann's that an admin has brought to that status.
    #[track_caller]
    pub fn pizza_in(&self, status: &str) -> u64 {
        let id = self.pizza();
        if status != "pending" {
            self.set_status(&self.admin, id, status).good();
        }
        id
    }

    /// As `GET /orders/{id}` has it.
    #[track_caller]
    pub fn order(&self, token: &str, id: u64) -> Value {
        self.app.read(token, &format!("/orders/{id}")).good()
    }

    /// One of the four changes, that can still be given headers.
    pub fn changing(&self, token: &str, id: u64, change: &str, body: &Value) -> Request<'_> {
        self.app.post(&format!("/orders/{id}/{change}")).bearer(token).json(body)
    }

    pub fn change(&self, token: &str, id: u64, change: &str, body: &Value) -> Response {
        self.changing(token, id, change, body).send()
    }

    pub fn set_status(&self, token: &str, id: u64, status: &str) -> Response {
        self.change(token, id, "status", &json!({ "status": status }))
    }

    pub fn update(&self, token: &str, id: u64, body: &Value) -> Response {
        self.change(token, id, "update", body)
    }

    /// By the admin, in cash.
    pub fn pay(&self, id: u64, amount: u64) -> Response {
        self.change(&self.admin, id, "payments", &payment(amount))
    }

    /// By the admin, since the customer asked.
    pub fn refund(&self, id: u64, amount: u64) -> Response {
        self.change(&self.admin, id, "refunds", &refund(amount))
    }

    /// The ids that a list gives, in its order.
    #[track_caller]
    pub fn listed(&self, token: &str, query: &str) -> Vec<u64> {
        ids(&self.app.read(token, &format!("/orders/?{query}")).good())
    }

    /// Waits until no mail waits any more: what is changed from then on changes none of them.
    #[track_caller]
    pub fn await_mails(&self) {
        let began = Instant::now();
        let waiting = |list: Value| !list["emails"].as_array().expect("a list").is_empty();
        while waiting(self.app.read(&self.admin, "/emails/").good()) {
            assert!(began.elapsed() < TIMEOUT, "the mails are not sent");
            thread::yield_now();
        }
    }

    /// The mails of a list, in its order.
    #[track_caller]
    pub fn mails(&self, query: &str) -> Vec<Value> {
        let list = self.app.read(&self.admin, &format!("/emails/?state=all&{query}")).good();
        list["emails"].as_array().expect("a list").clone()
    }

    /// Sends all of these at once, each on a connection of its own.
    pub fn at_once(&self, posts: &[Post]) -> Vec<Response> {
        let address = self.app.address();
        thread::scope(|scope| {
            let threads: Vec<_> =
                posts.iter().map(|post| scope.spawn(move || post.send(address))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

/// A POST that is to be sent beside others.
pub struct Post {
    pub token: String,
    pub target: String,
    /// Whole lines, each with its end.
    pub headers: String,
    pub body: Value,
}

impl Post {
    pub fn new(token: &str, target: &str, body: Value) -> Post {
        let (token, target) = (token.to_owned(), target.to_owned());
        Post { token, target, headers: String::new(), body }
    }

    pub fn header(mut self, name: &str, value: &str) -> Post {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    fn send(&self, address: SocketAddr) -> Response {
        let Post { token, target, headers, body } = self;
        let body = body.to_string();
        let length = body.len();
        let mut client = Client::connect(address);
        client.send(format!(
            "POST {target} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
             {headers}Content-Length: {length}\r\n\r\n{body}"
        ));
        client.read()
    }
}

/// Two at 9.50, 7 % tax inside: 19.00 EUR.
pub fn pizza() -> Value {
    json!({
        "currency": "EUR", "prices_include_tax": true,
        "line_items": [{"name": "Margherita", "quantity": 2, "unit_price": 950, "tax_rate": 7}],
    })
}

/// With every field but `total`, `reference_id` and `user_id`.
pub fn full() -> Value {
    json!({
        "line_items": [{
            "name": "Margherita", "sku": "PZ-1", "quantity": 1.5, "unit": "kg", "unit_price": 950,
            "discount": 25, "tax_rate": 7.5, "note": "no basil",
        }],
        "currency": "EUR",
        "prices_include_tax": true,
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 1234"},
        "fulfillment": {
            "type": "delivery", "due_at": "2026-11-22T16:07:44Z", "note": "ring twice",
            "address": {
                "line1": "Hauptstr. 1", "line2": "2nd floor", "city": "Berlin", "state": "BE",
                "postal_code": "10115", "country": "DE",
            },
        },
        "note": "hello",
        "metadata": {"table": "7"},
    })
}

pub fn payment(amount: u64) -> Value {
    json!({"amount": amount, "method": "cash"})
}

pub fn refund(amount: u64) -> Value {
    json!({"amount": amount, "reason": "requested_by_customer"})
}

/// The object with another value at that JSON pointer, whose last name may be new.
pub fn with(body: &Value, pointer: &str, value: impl Into<Value>) -> Value {
    let mut changed = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = changed.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent} in {body}"));
    match parent {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.into(),
        object => object[name] = value.into(),
    }
    changed
}

pub fn without(body: &Value, pointer: &str) -> Value {
    let mut changed = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = changed.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    parent.shift_remove(name).unwrap_or_else(|| panic!("no {pointer} in {body}"));
    changed
}

/// Without what `GET /orders/{id}` alone adds.
pub fn bare(order: &Value) -> Value {
    ADDED.iter().fold(order.clone(), |order, added| without(&order, &format!("/{added}")))
}

#[track_caller]
pub fn id(order: &Value) -> u64 {
    order["id"].as_u64().unwrap_or_else(|| panic!("no id: {order}"))
}

#[track_caller]
pub fn ids(list: &Value) -> Vec<u64> {
    list["orders"].as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(id).collect()
}

#[track_caller]
pub fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The `loc` of a fault in the body at that JSON pointer.
pub fn place(pointer: &str) -> Value {
    let step = |step: &str| step.parse::<u64>().map_or_else(|_| json!(step), |index| json!(index));
    let steps = pointer.split('/').skip(1).map(step);
    [json!("body")].into_iter().chain(steps).collect()
}

/// 422, and its faults.
#[track_caller]
pub fn faults(response: &Response) -> Vec<Value> {
    response.assert_status(422);
    let body = response.json();
    let faults = body["detail"].as_array().unwrap_or_else(|| panic!("no list: {body}"));
    for fault in faults {
        for key in ["type", "msg"] {
            assert!(fault[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {body}");
        }
        assert!(fault["loc"].is_array() && fault.get("input").is_some(), "{body}");
    }
    faults.clone()
}

/// 422 with exactly these faults: their types and JSON pointers, in that order.
#[track_caller]
pub fn assert_faults(response: &Response, expected: &[(&str, &str)]) {
    let found = faults(response);
    let found: Vec<Value> = found.iter().map(|it| json!([it["type"], it["loc"]])).collect();
    let expected: Vec<Value> = expected.iter().map(|(kind, at)| json!([kind, place(at)])).collect();
    assert_eq!(found, expected, "{}", response.text());
}

/// 422 with exactly one fault, whose type the contract leaves open, at that JSON pointer.
#[track_caller]
pub fn assert_fault_at(response: &Response, pointer: &str) {
    let places: Vec<Value> = faults(response).iter().map(|it| it["loc"].clone()).collect();
    assert_eq!(places, [place(pointer)], "{}", response.text());
}

/// 422 with one fault at or below that JSON pointer.
#[track_caller]
pub fn assert_fault_below(response: &Response, pointer: &str) {
    let (found, at) = (faults(response), place(pointer));
    assert_eq!(found.len(), 1, "{}", response.text());
    let (found, at) = (found[0]["loc"].as_array().unwrap(), at.as_array().unwrap());
    assert!(found.starts_with(at), "{}", response.text());
}

pub fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
