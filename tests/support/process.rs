//! The real binary, in a working directory and an environment of its own.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::client::{Client, TIMEOUT};
use super::folder::Folder;
use super::response::Response;

/// A command line and an environment for the binary.
#[must_use]
pub struct Call(Command);

/// A process that serves. Killed when dropped.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
    stdout: Lines,
    stderr: Lines,
}

/// What a process that has ended leaves.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Call {
    /// Serves, on a port that the system picks, with settings from the environment alone.
    pub fn within(folder: &Folder) -> Call {
        let mut command = Command::new(binary());
        command.env_clear().env("PORT", "0").current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Call(command)
    }

    pub fn arg(mut self, arg: &str) -> Call {
        self.0.arg(arg);
        self
    }

    pub fn args(mut self, args: &[&str]) -> Call {
        self.0.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Call {
        self.0.env(name, value);
        self
    }

    /// Sets a variable to a value that need not be UTF-8.
    pub fn env_os(mut self, name: &str, value: &OsStr) -> Call {
        self.0.env(name, value);
        self
    }

    pub fn envs(mut self, variables: &[(&str, &str)]) -> Call {
        self.0.envs(variables.iter().copied());
        self
    }

    /// Gives the process this text on its standard input.
    pub fn input(mut self, text: impl AsRef<[u8]>) -> Call {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_ref()).unwrap();
        file.rewind().unwrap();
        self.0.stdin(file);
        self
    }

    /// Starts the server, and waits until it says where it listens.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let mut child = self.0.spawn().unwrap();
        let mut stdout = Lines::of(child.stdout.take().unwrap());
        let mut stderr = Lines::of(child.stderr.take().unwrap());
        let Some(address) =
            stdout.find(|line| line.strip_prefix("listening on http://")?.parse().ok())
        else {
            stderr.read_all();
            panic!("it has ended: {}{}", stdout.seen, stderr.seen);
        };
        Running { child, address, stdout, stderr }
    }

    /// Runs the command until it ends by itself.
    #[track_caller]
    pub fn run(mut self) -> Ended {
        let mut child = Killed(self.0.spawn().unwrap());
        let stdout = Lines::of(child.0.stdout.take().unwrap());
        let stderr = Lines::of(child.0.stderr.take().unwrap());
        ended(&mut child.0, stdout, stderr)
    }
}

impl Running {
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, token: Option<&str>, body: &str) -> Response {
        let mut client = self.connect();
        let credentials = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        client.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: shop\r\nContent-Length: {}\r\n{}\r\n{body}",
            body.len(),
            credentials.unwrap_or_default()
        ));
        client.read()
    }

    pub fn login(&self, username: &str, password: &str) -> Response {
        let body = serde_json::json!({"username": username, "password": password});
        self.ask("POST", "/auth/login", None, &body.to_string())
    }

    #[track_caller]
    pub fn token(&self, username: &str, password: &str) -> String {
        let login = self.login(username, password).good();
        login["access_token"].as_str().expect("a token").to_owned()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for a line on stderr that has `text` in it.
    #[track_caller]
    pub fn await_log(&mut self, text: &str) {
        let found = self.stderr.find(|line| line.contains(text).then_some(()));
        assert!(found.is_some(), "no {text:?} in the log:\n{}", self.stderr.seen);
    }

    #[track_caller]
    pub fn wait(mut self) -> Ended {
        let stdout = std::mem::take(&mut self.stdout);
        let stderr = std::mem::take(&mut self.stderr);
        ended(&mut self.child, stdout, stderr)
    }

    /// Stops it with SIGTERM; panics unless it ends with code 0.
    #[track_caller]
    pub fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        let ended = self.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Panics unless it ended with this code and one line on stderr; gives that line.
    #[track_caller]
    pub fn refusal(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert_eq!(self.stdout, "");
        self.stderr.trim_end()
    }
}

/// Cargo tells every integration test where the binary is.
fn binary() -> OsString {
    std::env::var_os("CARGO_BIN_EXE_orderd").expect("cargo runs the tests")
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads both streams to their ends, which come with the end of the process.
#[track_caller]
fn ended(child: &mut Child, mut stdout: Lines, mut stderr: Lines) -> Ended {
    stdout.read_all();
    stderr.read_all();
    let code = child.wait().unwrap().code();
    Ended { code, stdout: stdout.seen, stderr: stderr.seen }
}

/// The lines of a stream as they come.
#[derive(Default)]
struct Lines {
    coming: Option<Receiver<String>>,
    seen: String,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Lines {
        let (sender, coming) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Lines { coming: Some(coming), seen: String::new() }
    }

    /// The first line for which `pick` gives something; none where the stream ends first.
    #[track_caller]
    fn find<T>(&mut self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = pick(&self.next()?) {
                return Some(found);
            }
        }
    }

    #[track_caller]
    fn read_all(&mut self) {
        while self.next().is_some() {}
    }

    #[track_caller]
    fn next(&mut self) -> Option<String> {
        match self.coming.as_ref()?.recv_timeout(TIMEOUT) {
            Ok(line) => {
                self.seen += &line;
                self.seen.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it neither speaks nor ends: {}", self.seen),
        }
    }
}
