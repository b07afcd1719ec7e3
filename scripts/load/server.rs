//! Servers that a comparison starts, measures from outside, and stops.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Site, wrong};

pub const ADMIN_PASSWORD: &str = "Load-Tests-1";
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Whether requests are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    Off,
    On,
}

/// A child process, ended when it is dropped.
pub struct Server {
    child: Child,
    pub site: Site,
    /// From its start to its first answer.
    pub ready_after: Duration,
}

/// A folder for one store, removed with what it holds.
pub struct Folder(PathBuf);

impl Folder {
    pub fn create(parent: &Path, name: &str) -> io::Result<Folder> {
        let path = parent.join(format!("load-{name}-{:08x}", fastrand::u32(..)));
        fs::create_dir_all(&path)?;
        Ok(Folder(path.canonicalize()?))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("orders.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Server {
    /// Starts orderd on a folder, with the settings that load needs and no others.
    pub fn start(binary: &Path, folder: &Folder, limiter: Limiter) -> io::Result<Server> {
        let mut command = Command::new(binary.canonicalize()?);
        command
            .current_dir(folder.path())
            .env_clear()
            .env("PORT", "0")
            .env("DATABASE_URL", format!("redb://{}", folder.database().display()))
            .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("ACCESS_TOKEN_EXPIRE_MINUTES", "1440")
            .env("HTTP_MAX_CONNECTIONS_PER_CLIENT", "4096")
            .env("MAIL_DIR", folder.path().join("mail"))
            .env("LOG_FILE", folder.path().join("orderd.log"));
        if limiter == Limiter::Off {
            command.env("RATE_LIMIT_REQUESTS", "0");
        }
        let started = Instant::now();
        let (child, line) = spawn(command, folder)?;
        let url = line.strip_prefix("listening on ").unwrap_or_default();
        let site = Site::at(url)?;
        let mut server = Server { child, site, ready_after: Duration::ZERO };
        server.site.get("/health")?.require(200, "GET /health")?;
        server.ready_after = started.elapsed();
        Ok(server)
    }

    /// Starts the bare loop on the library.
    pub fn start_bare(binary: &Path, folder: &Folder) -> io::Result<Server> {
        let started = Instant::now();
        let (child, line) = spawn(Command::new(binary.canonicalize()?), folder)?;
        let address = line.strip_prefix("bare ").unwrap_or_default();
        let site = Site::at(&format!("http://{address}"))?;
        Ok(Server { child, site, ready_after: started.elapsed() })
    }

    /// The same site, for the first admin.
    pub fn admin(&self) -> io::Result<Site> {
        self.site.clone().login("admin", ADMIN_PASSWORD)
    }

    /// Memory in use, in bytes; none where the system doesn't say.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.status("VmRSS:")
    }

    /// The most memory that was in use.
    pub fn peak_bytes(&self) -> Option<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Kills it, as a crash would.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Stops it with SIGTERM, and waits for its end.
    pub fn stop(mut self) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(wrong(format!("the server ended with {status}"))),
                };
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(wrong("the server did not stop".into()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server and waits for its first line. Its stderr goes to a file, and into the error
/// where the server doesn't start.
fn spawn(mut command: Command, folder: &Folder) -> io::Result<(Child, String)> {
    let complaints = folder.path().join("stderr");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&complaints)?)
        .spawn()?;
    let line = child.stdout.take().and_then(first_line);
    match line {
        Some(line) => Ok((child, line)),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            let why = fs::read_to_string(&complaints).unwrap_or_default();
            Err(wrong(format!("the server did not start: {}", why.trim_end())))
        }
    }
}

/// Reads on after the first line, so that the server never waits for a full pipe.
fn first_line(stdout: ChildStdout) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver.recv_timeout(READY_LIMIT).ok().filter(|line| !line.is_empty())
}
