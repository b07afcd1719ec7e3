//! A real Chromium, driven over a pair of pipes: its own protocol, JSON ended by NUL
//! (<https://chromedevtools.github.io/devtools-protocol/>). One call at a time; what the browser
//! tells by itself is kept for whoever asks.

use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Once;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::folder::Folder;

/// Where this variable is set, a test that can't run fails.
const REQUIRED: &str = "REQUIRE_BROWSER";
/// Names the browser, where it isn't one of the usual ones.
const CHOSEN: &str = "BROWSER";
const USUAL: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const TIMEOUT: Duration = Duration::from_secs(60);

/// Nothing of its own: no updates, no reports, no guesses at what may be wanted next.
const FLAGS: [&str; 17] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-gpu",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider",
];

pub struct Browser {
    child: Child,
    state: RefCell<State>,
    _profile: Folder,
}

struct State {
    input: ChildStdin,
    messages: Receiver<Value>,
    events: Vec<Value>,
    last_id: u64,
}

impl Browser {
    /// None where there is no browser, which is told once.
    ///
    /// # Panics
    /// There is none, and `REQUIRE_BROWSER` is set.
    pub fn launch() -> Option<Browser> {
        let Some(program) = find() else {
            skip("no Chromium: the tests of the console are skipped");
            return None;
        };
        Some(Browser::start(program))
    }

    fn start(program: OsString) -> Browser {
        let profile = Folder::new();
        // The shell gives it the descriptors that it wants; it speaks on 3 and 4 alone.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"]);
        command.arg(program).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        if rustix::process::geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.env("HOME", profile.path()).env("TZ", "Europe/Berlin").env("LANGUAGE", "en");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let state = State { input, messages, events: Vec::new(), last_id: 0 };
        Browser { child, state: RefCell::new(state), _profile: profile }
    }

    /// Makes a call, of a page where there is a session, and waits for its result.
    #[track_caller]
    pub fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        let mut answer = self.try_call(session, method, parameters);
        assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
        answer["result"].take()
    }

    fn try_call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        let mut state = self.state.borrow_mut();
        state.last_id += 1;
        let id = state.last_id;
        let mut call = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let mut bytes = call.to_string().into_bytes();
        bytes.push(0);
        state.input.write_all(&bytes).unwrap();
        loop {
            let message = state.next(TIMEOUT).unwrap_or_else(|| panic!("{method}: no answer"));
            if message["id"] == id {
                return message;
            }
            state.events.push(message);
        }
    }

    /// What this session was told so far; it is then forgotten.
    pub fn take_events(&self, session: &str) -> Vec<Value> {
        let mut state = self.state.borrow_mut();
        while let Ok(message) = state.messages.try_recv() {
            state.events.push(message);
        }
        state.events.extract_if(.., |event| event["sessionId"] == session).collect()
    }

    /// Waits for an event of the session, and leaves the others where they are.
    #[track_caller]
    pub fn await_event(&self, session: &str, method: &str) -> Value {
        let mut state = self.state.borrow_mut();
        let until = Instant::now() + TIMEOUT;
        loop {
            let is_meant = |it: &Value| it["sessionId"] == session && it["method"] == method;
            if let Some(place) = state.events.iter().position(is_meant) {
                return state.events.remove(place);
            }
            let left = until.saturating_duration_since(Instant::now());
            let message = state.next(left).unwrap_or_else(|| panic!("no {method}"));
            state.events.push(message);
        }
    }
}

impl State {
    fn next(&mut self, timeout: Duration) -> Option<Value> {
        self.messages.recv_timeout(timeout).ok()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says once why tests are skipped.
///
/// # Panics
/// `REQUIRE_BROWSER` is set.
pub fn skip(why: &str) {
    assert!(env::var_os(REQUIRED).is_none(), "{why}, and {REQUIRED} is set");
    static TOLD: Once = Once::new();
    TOLD.call_once(|| tell(why));
}

/// Not by `eprintln!`, which the harness keeps to itself where a test passes.
pub fn tell(what: &str) {
    drop(writeln!(io::stderr(), "{what}"));
}

fn find() -> Option<OsString> {
    if let Some(chosen) = env::var_os(CHOSEN) {
        return Some(chosen);
    }
    let folders = env::var_os("PATH")?;
    let is_there = |name: &str| env::split_paths(&folders).any(|dir| is_program(&dir.join(name)));
    USUAL.into_iter().find(|name| is_there(name)).map(OsString::from)
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}
