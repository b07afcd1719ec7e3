//! A small SMTP server that follows a script: it speaks the protocol, and fails where it is
//! told to.

mod conversation;
pub mod wire;

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;

use conversation::Conversation;

/// Ends tests that hang; right ones never take this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// The step of the conversation at which something goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    /// Any recipient.
    Rcpt,
    /// This recipient.
    RcptOf(String),
    /// The DATA command.
    Data,
    /// The end of the content.
    Content,
    Rset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Says this line (without its end) instead of yes.
    Reply(&'static str),
    /// Says nothing more, and keeps the connection.
    Silence,
    /// Closes without a word. At [`Step::Content`] the mail is kept all the same.
    HangUp,
    /// Says yes, then closes.
    HangUpAfter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Never,
    /// With STARTTLS, which is offered and not insisted on.
    Upgrade,
    Implicit,
}

/// What kind of server it is.
#[derive(Clone, Debug)]
pub struct Script {
    pub tls: Tls,
    /// Whom the certificate is for.
    pub host: &'static str,
    /// Required before MAIL FROM, where set.
    pub login: Option<(&'static str, &'static str)>,
    /// As EHLO announces them.
    pub mechanisms: &'static str,
    /// What AUTH LOGIN says before the name and before the password.
    pub prompts: [&'static str; 2],
    /// How many lines EHLO's answer has that mean nothing.
    pub extensions: usize,
    /// Whether it knows EHLO; HELO it always knows.
    pub knows_ehlo: bool,
    /// What it sends before every reply.
    pub before_replies: &'static str,
    pub certificate: Certificate,
}

/// Who vouches for the server's certificate; in each case that is in [`SmtpServer::ca_file`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// A root, the same for all servers of a test binary.
    Signed,
    /// Nobody: it is a CA's own, as `openssl req -x509` makes it.
    SelfSigned,
    /// The same, and its time is over.
    Expired,
    /// The same, and its time has not come.
    NotYetValid,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            tls: Tls::Never,
            host: "localhost",
            login: None,
            mechanisms: "PLAIN LOGIN",
            prompts: ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            extensions: 0,
            knows_ehlo: true,
            before_replies: "",
            certificate: Certificate::Signed,
        }
    }
}

/// A mail whose content has arrived, also where the script then hangs up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// As sent, with the dots that transparency adds taken out.
    pub data: Vec<u8>,
    /// Which session brought it, from 1.
    pub session: usize,
    pub was_encrypted: bool,
}

impl Received {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// The value of a header, unfolded lines only.
    pub fn header(&self, name: &str) -> Option<String> {
        let start = format!("{name}: ");
        let text = self.text();
        let mut head = text.lines().take_while(|line| !line.is_empty());
        head.find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }
}

pub struct SmtpServer {
    shared: Arc<Shared>,
    port: u16,
    ca_dir: tempfile::TempDir,
}

struct Shared {
    script: Script,
    config: Arc<ServerConfig>,
    is_over: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    faults: HashMap<Step, Fault>,
    received: Vec<Received>,
    commands: Vec<String>,
    sessions: usize,
    is_silent: bool,
}

impl SmtpServer {
    pub fn start(script: Script) -> SmtpServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, ca_pem) = wire::certificates(script.host, script.certificate);
        let ca_dir = tempfile::tempdir().unwrap();
        std::fs::write(ca_dir.path().join("ca.pem"), ca_pem).unwrap();
        let shared = Arc::new(Shared {
            script,
            config,
            is_over: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || serving.accept(&listener));
        SmtpServer { shared, port, ca_dir }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root that signed the server's certificate, as PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.ca_dir.path().join("ca.pem")
    }

    /// Fails at this step from now on, in every session, until [`SmtpServer::heal`].
    pub fn fail(&self, step: Step, fault: Fault) {
        self.shared.lock().faults.insert(step, fault);
    }

    pub fn heal(&self) {
        self.shared.lock().faults.clear();
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    pub fn sessions(&self) -> usize {
        self.shared.lock().sessions
    }

    /// Every line that a client said outside its mails, of all sessions.
    pub fn commands(&self) -> Vec<String> {
        self.shared.lock().commands.clone()
    }

    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(|state| state.received.len() >= count).received.clone()
    }

    #[track_caller]
    pub fn wait_for_sessions(&self, count: usize) {
        drop(self.wait_until(|state| state.sessions >= count));
    }

    #[track_caller]
    pub fn wait_for_command(&self, start: &str) {
        drop(self.wait_until(|state| state.commands.iter().any(|it| it.starts_with(start))));
    }

    /// Until a session has come to a step that it is silent at.
    #[track_caller]
    pub fn wait_for_silence(&self) {
        drop(self.wait_until(|state| state.is_silent));
    }

    #[track_caller]
    fn wait_until(&self, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, DEADLINE, |it| !done(it));
        let (state, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "{} mails, {:?}", state.received.len(), state.commands);
        state
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the accept, whose thread then closes the port.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn accept(self: Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(&self);
            thread::spawn(move || {
                let _ = Conversation::hold(shared, stream);
            });
        }
    }
}
