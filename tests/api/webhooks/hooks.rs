//! A service with webhooks, and how they are asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use orderd::webhooks::resolver::{Names, SystemNames};
use support::app::TestApp;
use support::receiver::{Got, Receiver};
use support::response::Response;

/// Ends tests that hang; right ones never take this long.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Hooks {
    pub app: TestApp,
    pub admin: String,
}

impl Hooks {
    pub fn open() -> Hooks {
        Hooks::open_with(&[])
    }

    pub fn open_with(settings: &[&str]) -> Hooks {
        Hooks::open_on(Arc::new(SystemNames), settings)
    }

    pub fn open_on(names: Arc<dyn Names>, settings: &[&str]) -> Hooks {
        let app = TestApp::start_with_names(names, settings);
        let admin = app.admin();
        Hooks { app, admin }
    }

    pub fn post(&self, target: &str, body: &Value) -> Response {
        self.app.post(target).bearer(&self.admin).json(body).send()
    }

    pub fn act(&self, id: u64, action: &str) -> Response {
        self.app.post(&format!("/webhooks/{id}/{action}")).bearer(&self.admin).send()
    }

    pub fn create(&self, body: &Value) -> Response {
        self.post("/webhooks/create", body)
    }

    /// A webhook to that receiver: its id and its secret.
    #[track_caller]
    pub fn hook(&self, receiver: &Receiver) -> (u64, String) {
        let made = self.create(&json!({"url": receiver.url()})).good();
        (made["id"].as_u64().unwrap(), made["secret"].as_str().unwrap().to_owned())
    }

    #[track_caller]
    pub fn get(&self, id: u64) -> Value {
        self.app.read(&self.admin, &format!("/webhooks/{id}")).good()
    }

    /// Waits until the webhook looks as wanted.
    #[track_caller]
    pub fn wait_until(&self, id: u64, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let webhook = self.get(id);
            if wanted(&webhook) {
                return webhook;
            }
            assert!(Instant::now() < end, "{webhook}");
            std::thread::yield_now();
        }
    }

    /// A simple order, which makes one event.
    #[track_caller]
    pub fn order(&self) -> u64 {
        self.app.create_order(&self.admin, &json!({"success": true})).good()["id"].as_u64().unwrap()
    }
}

/// The ids of the events that came, in their order.
pub fn event_ids(got: &[Got]) -> Vec<u64> {
    got.iter().map(|got| got.json()["id"].as_u64().unwrap()).collect()
}

/// Whether the library that receivers use finds its own signature by that secret.
pub fn is_signed_by(got: &Got, secret: &str) -> bool {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let at = got.header("webhook-timestamp").parse().unwrap();
    let signature = webhook.sign(got.header("webhook-id"), at, &got.body).unwrap();
    got.header("webhook-signature").split(' ').any(|given| given == signature)
}
