//! The service in this process, with a folder and a clock of its own.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use orderd::app::{App, Dependencies};
use orderd::auth::Cost;
use orderd::clock::{Clock, Timestamp};
use orderd::config::Config;
use orderd::domain::{MessageId, Outcome, UserId};
use orderd::store::{PlaceOrder, Storage};
use orderd::webhooks::resolver::Names;
use serde_json::{Value, json};

use super::client::Client;
use super::folder::Folder;
use super::response::Response;

/// When the clock of a test begins: 2025-10-07T05:58:11.
pub const START_SECS: u64 = 1_759_816_691;
pub const SECRET_KEY: &str = "a key that only the tests know, 41 bytes.";
pub const ADMIN_PASSWORD: &str = "Chief0f!All";
pub const PASSWORD: &str = "Secure1!";

pub struct TestApp {
    /// None after [`TestApp::stop`].
    app: Option<App>,
    pub clock: Clock,
    /// Kept open between requests, as clients do.
    client: RefCell<Option<Client>>,
    folder: Folder,
    settings: Vec<String>,
    around: Dependencies,
}

/// A request that is being put together; [`Request::send`] sends it.
#[must_use]
pub struct Request<'a> {
    app: &'a TestApp,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl TestApp {
    /// Without rate limits.
    pub fn start() -> TestApp {
        TestApp::start_with(&["--rate-limit-requests=0"])
    }

    /// With the default limits, which count by `X-Forwarded-For`.
    pub fn limited() -> TestApp {
        TestApp::start_with(&["--trusted-proxies=127.0.0.1"])
    }

    /// With a mail server that refuses connections, so that mails wait; without rate limits.
    pub fn cut_off() -> TestApp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = format!("--smtp-port={}", listener.local_addr().unwrap().port());
        drop(listener);
        let server = ["--smtp-server=127.0.0.1", &port, "--smtp-tls=none"];
        TestApp::start_with(&[&["--rate-limit-requests=0"], &server[..]].concat())
    }

    /// With settings as flags, beside the ones that every test has.
    pub fn start_with(settings: &[&str]) -> TestApp {
        TestApp::start_in(Folder::new(), settings)
    }

    pub fn start_in(folder: Folder, settings: &[&str]) -> TestApp {
        TestApp::start_around(quick(), folder, settings)
    }

    /// With metrics that are rendered once a second, as the service has them; elsewhere each
    /// test sees them as they are.
    pub fn start_with_shared_metrics() -> TestApp {
        TestApp::start_around(Dependencies::default(), Folder::new(), &["--rate-limit-requests=0"])
    }

    /// With password hashes that cost as much as in earnest.
    pub fn start_costly(settings: &[&str]) -> TestApp {
        TestApp::start_around(Dependencies::default(), Folder::new(), settings)
    }

    /// On a storage that the test brings; without rate limits.
    pub fn start_on<M: Storage + Clone + 'static>(storage: &M, settings: &[&str]) -> TestApp {
        let storage = storage.clone();
        let around =
            Dependencies { storage: Arc::new(move |_| Box::new(storage.clone())), ..quick() };
        let settings = [&["--rate-limit-requests=0"], settings].concat();
        TestApp::start_around(around, Folder::new(), &settings)
    }

    /// With names that the test brings; without rate limits.
    pub fn start_with_names(names: Arc<dyn Names>, settings: &[&str]) -> TestApp {
        let settings = [&["--rate-limit-requests=0"], settings].concat();
        TestApp::start_around(Dependencies { names, ..quick() }, Folder::new(), &settings)
    }

    fn start_around(around: Dependencies, folder: Folder, settings: &[&str]) -> TestApp {
        let clock = Clock::fixed(Timestamp::from_secs(START_SECS));
        let around = Dependencies { clock: clock.clone(), ..around };
        let settings = settings.iter().map(|&flag| flag.to_owned()).collect();
        let client = RefCell::new(None);
        let mut app = TestApp { app: None, clock, client, folder, settings, around };
        app.begin();
        app
    }

    /// Stops and starts again on the same folder.
    pub fn restart(&mut self) {
        self.stop();
        self.begin();
    }

    /// Stops and starts again on the same folder, with these settings instead.
    pub fn restart_with(mut self, settings: &[&str]) -> TestApp {
        self.stop();
        self.settings = settings.iter().map(|&flag| flag.to_owned()).collect();
        self.begin();
        self
    }

    pub fn stop(&mut self) {
        self.client.take();
        if let Some(app) = self.app.take() {
            app.stop();
        }
    }

    pub fn advance_secs(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub fn address(&self) -> SocketAddr {
        self.app().local_addr()
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().expect("it is stopped")
    }

    /// Where the database lies, as `orders.redb`.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// Places an order at any time, straight in the store.
    pub fn place(&self, user: u64, success: bool, at_secs: u64) {
        let outcome = Outcome::from_success(success);
        let message_id = MessageId(format!("{user}.{at_secs}@orders.test"));
        let at = Timestamp::from_secs(at_secs);
        let place = PlaceOrder::simple(UserId(user), outcome, message_id, at);
        self.app().store().write(place).unwrap();
    }

    fn begin(&mut self) {
        let config = config(&self.folder, &self.settings);
        self.app = Some(App::start(&config, &self.around).unwrap());
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// With password hashes that cost nothing, and metrics that are never old.
fn quick() -> Dependencies {
    let metrics_age = Duration::ZERO;
    Dependencies { hash_cost: Cost::Minimal, metrics_age, ..Dependencies::default() }
}

/// From these settings alone, so that the environment of the tests changes nothing. A setting
/// of a test is written as a flag, also where the binary takes it from a variable only.
pub fn config(folder: &Folder, settings: &[String]) -> Config {
    let mut all = vec![
        ("PORT".to_owned(), "0".to_owned()),
        ("DATABASE_URL".into(), format!("redb://{}", folder.join("orders.redb").display())),
        ("MAIL_DIR".into(), folder.join("mail").display().to_string()),
        ("LOG_FILE".into(), String::new()),
        ("HTTP_THREADS".into(), "8".into()),
        ("HTTP_IDLE_TIMEOUT".into(), "600".into()),
        ("SECRET_KEY".into(), SECRET_KEY.into()),
        ("ADMIN_PASSWORD".into(), ADMIN_PASSWORD.into()),
    ];
    all.extend(settings.iter().map(|flag| {
        let (flag, value) = flag.split_once('=').unwrap_or_else(|| panic!("{flag} has no value"));
        (flag.trim_start_matches('-').replace('-', "_").to_uppercase(), value.to_owned())
    }));
    let all = all.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Config::of(all).unwrap_or_else(|why| panic!("{why}"))
}

/// One method for each endpoint that many tests use.
impl TestApp {
    pub fn login(&self, username: &str, password: &str) -> Response {
        self.post("/auth/login").json(&json!({"username": username, "password": password})).send()
    }

    /// Logs in, and gives the token.
    #[track_caller]
    pub fn token(&self, username: &str, password: &str) -> String {
        let login = self.login(username, password).good();
        login["access_token"].as_str().expect("a token").to_owned()
    }

    /// The first admin's token.
    #[track_caller]
    pub fn admin(&self) -> String {
        self.token("admin", ADMIN_PASSWORD)
    }

    /// A new user of that name with [`PASSWORD`], and its token.
    #[track_caller]
    pub fn user(&self, name: &str) -> String {
        let body = json!({
            "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
        });
        self.register(&self.admin(), &body).good();
        self.token(name, PASSWORD)
    }

    pub fn register(&self, token: &str, body: &Value) -> Response {
        self.post("/auth/register").bearer(token).json(body).send()
    }

    pub fn me(&self, token: &str) -> Response {
        self.get("/auth/me").bearer(token).send()
    }

    pub fn create_order(&self, token: &str, body: &Value) -> Response {
        self.post("/orders/create").bearer(token).json(body).send()
    }

    pub fn orders(&self, token: &str) -> Response {
        self.get("/orders/").bearer(token).send()
    }

    /// A GET with a token.
    pub fn read(&self, token: &str, target: &str) -> Response {
        self.get(target).bearer(token).send()
    }

    pub fn get(&self, target: &str) -> Request<'_> {
        self.request("GET", target)
    }

    pub fn post(&self, target: &str) -> Request<'_> {
        self.request("POST", target)
    }

    pub fn request(&self, method: &str, target: &str) -> Request<'_> {
        Request {
            app: self,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    #[track_caller]
    fn exchange(&self, bytes: &[u8], read: fn(&mut Client) -> Response) -> Response {
        let mut kept = self.client.borrow_mut();
        let client = kept.get_or_insert_with(|| self.connect());
        client.send(bytes);
        let response = read(client);
        if response.lists("Connection", "close") {
            client.assert_closed();
            *kept = None;
        }
        response
    }
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// As if a trusted proxy had sent it for the client with that address.
    pub fn from(self, address: &str) -> Self {
        self.header("X-Forwarded-For", address)
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    #[track_caller]
    pub fn send(self) -> Response {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: shop.example\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            bytes += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (bytes + "\r\n").into_bytes();
        bytes.extend(self.body.unwrap_or_default());
        let read = match self.method.as_str() {
            "HEAD" => Client::read_head,
            _ => Client::read,
        };
        self.app.exchange(&bytes, read)
    }
}
