//! One page in a browser, as a person uses it: seen, clicked, typed into. Each has cookies and
//! storage of its own, as another person's browser has.

use serde_json::{Value, json};

use super::browser::Browser;

pub struct Page<'b> {
    browser: &'b Browser,
    session: String,
    /// Where all requests must go.
    host: String,
    /// Texts in the browser's own complaints that the test brings about.
    expected: Vec<&'static str>,
}

impl<'b> Page<'b> {
    /// A new window at `http://host/path`, wide enough for everything.
    pub fn open(browser: &'b Browser, host: &str, path: &str) -> Page<'b> {
        let context = browser.call(None, "Target.createBrowserContext", json!({}));
        let target = browser.call(
            None,
            "Target.createTarget",
            json!({"url": "about:blank", "browserContextId": context["browserContextId"]}),
        );
        let attached = browser.call(
            None,
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        let host = format!("http://{host}");
        let page = Page { browser, session, host, expected: Vec::new() };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.resize(1400, 900);
        page.go(path);
        page
    }

    #[track_caller]
    pub fn call(&self, method: &str, parameters: Value) -> Value {
        self.browser.call(Some(&self.session), method, parameters)
    }

    pub fn go(&self, path: &str) {
        let url = format!("{}{path}", self.host);
        self.call("Page.navigate", json!({ "url": url }));
        self.browser.await_event(&self.session, "Page.loadEventFired");
    }

    pub fn reload(&self) {
        self.call("Page.reload", json!({}));
        self.browser.await_event(&self.session, "Page.loadEventFired");
    }

    pub fn resize(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// `light` or `dark`; as if printed, with `print`, or as it comes, with nothing.
    pub fn emulate(&self, scheme: &str, media: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": [feature]}));
    }

    /// The value of an expression, or what its promise comes to.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", asked);
        let failed = &answer["exceptionDetails"];
        let state = || self.text("document.body.innerText");
        assert!(failed.is_null(), "{expression}: {failed}\n{}", state());
        answer["result"]["value"].take()
    }

    fn text(&self, expression: &str) -> String {
        let asked = json!({"expression": expression, "returnByValue": true});
        self.call("Runtime.evaluate", asked)["result"]["value"].as_str().unwrap_or("?").to_owned()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn await_true(&self, expression: &str) {
        self.await_value(&format!("Boolean({expression})"));
    }

    /// Waits until an expression has a value that counts as true; gives it.
    #[track_caller]
    fn await_value(&self, expression: &str) -> Value {
        self.eval(&format!(
            "new Promise((done, failed) => {{
                const until = Date.now() + 30000;
                const look = () => {{
                    const value = {expression};
                    if (value) done(value);
                    else if (Date.now() > until) failed(Error('not true'));
                    else setTimeout(look, 3);
                }};
                look();
            }})"
        ))
    }

    /// Waits until the page's text has this in it.
    #[track_caller]
    pub fn await_text(&self, text: &str) {
        self.await_true(&format!("document.body.innerText.includes({})", Value::from(text)));
    }

    /// Clicks in the middle of the first element that is shown and has this text or label.
    #[track_caller]
    pub fn click(&self, text: &str) {
        let place = self.press_mouse(text);
        self.release_mouse(&place);
    }

    /// Presses the mouse where `click` would, and holds it; gives the place.
    #[track_caller]
    pub fn press_mouse(&self, text: &str) -> Value {
        let wanted = Value::from(text);
        let find = format!(
            "[...document.querySelectorAll('button,a,summary,label')].filter(it =>
                (it.innerText.trim() === {wanted} || it.getAttribute('aria-label') === {wanted})
                && it.checkVisibility() && it.getClientRects().length
                && (!document.querySelector('dialog') || it.closest('dialog')))[0]"
        );
        // It must be what is there: not on its way to another place, and under nothing.
        let middle = format!(
            "(it => {{
                if (!it) return null;
                it.scrollIntoView({{block: 'nearest'}});
                const box = it.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                return it.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
            }})({find})"
        );
        let place = self.await_value(&middle);
        self.mouse("mouseMoved", &place);
        self.mouse("mousePressed", &place);
        place
    }

    pub fn release_mouse(&self, place: &Value) {
        self.mouse("mouseReleased", place);
    }

    fn mouse(&self, kind: &str, place: &Value) {
        let event = json!({
            "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
        });
        self.call("Input.dispatchMouseEvent", event);
    }

    /// Types into the field of that name, in place of what is in it.
    #[track_caller]
    pub fn fill(&self, name: &str, text: &str) {
        let find = format!(
            "[...document.querySelectorAll('[name=\"{name}\"]')].filter(it => it.checkVisibility()
                && (!document.querySelector('dialog') || it.closest('dialog')))[0]"
        );
        self.await_true(&find);
        self.eval(&format!("{find}.focus(), {find}.select?.()"));
        self.write(text);
    }

    /// Chooses an option of the list of that name.
    #[track_caller]
    pub fn choose(&self, name: &str, value: &str) {
        let value = Value::from(value);
        self.await_true(&format!("document.querySelector('select[name={name}]')"));
        self.eval(&format!("document.querySelector('select[name={name}]').value = {value}"));
    }

    /// Presses the button of the form that is folded open.
    #[track_caller]
    pub fn click_submit(&self) {
        self.eval("document.querySelector('details[open] form').requestSubmit()");
    }

    /// Types text into whatever has the focus.
    pub fn write(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key by its name, as `Enter`, `Tab`, `Escape` or `j`.
    pub fn press(&self, key: &str) {
        self.press_with(key, 0);
    }

    /// With modifiers: 2 is Control, 8 is Shift.
    pub fn press_with(&self, key: &str, modifiers: u32) {
        let mut event = key_down(key, modifiers);
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", event);
    }

    /// What a key that stays down sends again and again; once.
    pub fn hold(&self, key: &str) {
        let mut event = key_down(key, 0);
        event["autoRepeat"] = true.into();
        self.call("Input.dispatchKeyEvent", event);
    }

    /// A PNG of what is seen, or of all of the page.
    pub fn screenshot(&self, is_whole: bool) -> String {
        let asked = json!({"format": "png", "captureBeyondViewport": is_whole});
        self.call("Page.captureScreenshot", asked)["data"].as_str().unwrap().to_owned()
    }

    /// Prints it: the width of the paper in millimetres, and how many pages there are.
    pub fn print(&self) -> (f64, u64) {
        let pdf = self.call("Page.printToPDF", json!({ "preferCSSPageSize": true }));
        let boxes = format!("atob({}).match(/MediaBox [[][^\\]]*/g)", pdf["data"]);
        let asked = json!({"expression": boxes, "returnByValue": true});
        let boxes = self.call("Runtime.evaluate", asked)["result"]["value"].take();
        let boxes = boxes.as_array().expect("a PDF");
        let points = boxes[0].as_str().unwrap().split(' ').nth(3).unwrap();
        (points.parse::<f64>().unwrap() * 25.4 / 72.0, boxes.len() as u64)
    }

    /// Answers a request that `Fetch.enable` has stopped, in the server's place.
    #[track_caller]
    pub fn refuse_request(&self, status: u16) {
        let stopped = self.browser.await_event(&self.session, "Fetch.requestPaused");
        let id = &stopped["params"]["requestId"];
        self.call("Fetch.fulfillRequest", json!({"requestId": id, "responseCode": status}));
    }

    /// The next answer that `Fetch.enable` has stopped.
    #[track_caller]
    pub fn await_held(&self) -> Value {
        let mut stopped = self.browser.await_event(&self.session, "Fetch.requestPaused");
        stopped["params"]["requestId"].take()
    }

    pub fn let_through(&self, held: &Value) {
        self.call("Fetch.continueResponse", json!({ "requestId": held }));
    }

    /// Lets the browser complain of this, since the test brings it about.
    pub fn expect(&mut self, complaint: &'static str) {
        self.expected.push(complaint);
    }

    /// Fails where anything was asked of another host, or the browser has complained.
    #[track_caller]
    pub fn assert_clean(&self) {
        // One round trip, so that all that was told before has come.
        self.eval("1");
        for event in self.browser.take_events(&self.session) {
            let parameters = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = parameters["request"]["url"].as_str().unwrap();
                    let is_ours = url.starts_with(&self.host)
                        || ["data:", "blob:", "about:"]
                            .iter()
                            .any(|scheme| url.starts_with(scheme));
                    assert!(is_ours, "a request to {url}");
                }
                "Runtime.exceptionThrown" => panic!("{parameters}"),
                "Runtime.consoleAPICalled" => panic!("{parameters}"),
                "Log.entryAdded" => self.judge(&parameters["entry"]),
                _ => {}
            }
        }
    }

    #[track_caller]
    fn judge(&self, entry: &Value) {
        let part = |name: &str| entry[name].as_str().unwrap_or_default();
        let text = format!("{} {}", part("text"), part("url"));
        let is_expected = self.expected.iter().any(|it| text.contains(it));
        assert!(entry["level"] != "error" && entry["level"] != "warning" || is_expected, "{entry}");
    }
}

fn key_down(key: &str, modifiers: u32) -> Value {
    let (code, text) = match key {
        "Enter" => (13, "\r"),
        "Tab" => (9, ""),
        "Escape" => (27, ""),
        " " => (32, " "),
        key => (key.to_uppercase().as_bytes()[0], key),
    };
    let mut event = json!({
        "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers,
    });
    if !text.is_empty() && modifiers & 2 == 0 {
        event["text"] = text.into();
    }
    event
}
