//! The process under siege, and what is measured in each case.

use std::cell::RefCell;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use support::attack;
use support::attack::site::{REAL_SERVICE, Site};
use support::client::Client;
use support::folder::Folder;
use support::process::{Call, Running};

use crate::crowds::{self, MAX_CONNECTIONS};
use crate::watch::{Slowest, Watch};

const PASSWORD: &str = "Chief0f!All";

/// "The service keeps answering `GET /health` within a second". What else the machine does adds
/// to each answer, and in a plain run so does a service without optimisation. So a plain run
/// prints the true figures, and fails only where an answer takes [`LENIENCE`] times as long, as
/// one behind a blocked thread or front door does. A full run fails after the second itself.
const SLOWEST_HEALTH: Duration = Duration::from_secs(1);
const LENIENCE: u32 = 5;

/// How far the attackers stand back for the service and the watchers. Attackers have machines of
/// their own. Here they share the service's cores, and as its equals they left it a third of two:
/// the slowest answer then told how the system shares out its cores. Standing back, they still
/// take all that the service leaves, and it serves four times as many events of theirs a second.
const ATTACKERS_NICE: i32 = 10;

/// What the process must stay below in each case, in bytes, besides the pages of its program. With
/// those of a release build, 8 MB, it is what is promised: 96 MB. A debug build has 20 MB of them,
/// and more with each feature, whatever attackers do.
const MOST_MEMORY: u64 = 88_000_000;

/// Whether `SIEGE=full` asks for every case at its full size.
pub fn is_full() -> bool {
    std::env::var_os("SIEGE").is_some_and(|size| size == "full")
}

pub struct Stage {
    running: Running,
    pub site: Site,
    pub token: String,
    watch: Watch,
    scenes: RefCell<Vec<Scene>>,
    _folder: Folder,
}

struct Scene {
    name: String,
    took: Duration,
    slowest: Slowest,
    peak_bytes: u64,
}

impl Stage {
    /// Starts the service with its default limits, except for those that would keep one address
    /// from doing all this, or make it take minutes.
    pub fn set() -> Stage {
        attack::raise_descriptor_limit();
        let folder = Folder::new();
        let running = Call::within(&folder)
            .env("HTTP_MAX_CONNECTIONS", &MAX_CONNECTIONS.to_string())
            .env("HTTP_MAX_CONNECTIONS_PER_CLIENT", &MAX_CONNECTIONS.to_string())
            .env("HTTP_REQUEST_TIMEOUT", "2")
            .env("HTTP_IDLE_TIMEOUT", "120")
            .env("RATE_LIMIT_REQUESTS", "0")
            .env("ADMIN_PASSWORD", PASSWORD)
            .start();
        let site = Site { address: running.address, names: &REAL_SERVICE };
        let token = running.token("admin", PASSWORD);
        crowds::place_orders(&site, &token);
        let watch = Watch::start(site.address);
        // Of this thread alone, and of those that it starts from now on.
        rustix::process::nice(ATTACKERS_NICE).unwrap();
        Stage { running, site, token, watch, scenes: RefCell::default(), _folder: folder }
    }

    /// Runs a case, and keeps how long it took, the slowest answer and the most memory meanwhile.
    pub fn play(&self, name: &str, case: impl FnOnce()) {
        self.forget_peak();
        self.watch.take_slowest();
        let began = Instant::now();
        case();
        let took = began.elapsed();
        self.site.assert_serves();
        let slowest = self.watch.take_slowest();
        let peak_bytes = self.peak_bytes();
        let scene = Scene { name: name.to_owned(), took, slowest, peak_bytes };
        scene.print();
        self.scenes.borrow_mut().push(scene);
    }

    /// Stops the process, and fails where it has panicked or a case has gone over its bounds.
    pub fn close(self) {
        let answers = self.watch.stop();
        println!("{answers} answers to GET /health");
        assert_eq!(self.metric("http_panics_total"), 0);
        assert_eq!(self.metric("http_airlocks_rebuilt_total"), 0);
        self.running.stop();
        let most = SLOWEST_HEALTH * if is_full() { 1 } else { LENIENCE };
        for scene in self.scenes.borrow().iter() {
            assert!(scene.slowest.longer() <= most, "{}: {:?}", scene.name, scene.slowest);
            assert!(scene.peak_bytes < MOST_MEMORY, "{}: {} bytes", scene.name, scene.peak_bytes);
        }
    }

    /// The value of one metric, 0 where it is not there.
    #[track_caller]
    pub fn metric(&self, name: &str) -> i64 {
        let text = Client::connect(self.site.address).get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Leaves the process only a few descriptors to open, until what this gives is dropped.
    pub fn without_descriptors(&self) -> Scarce {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count() as u64;
        Scarce::make(self.running.pid(), open + 20)
    }

    fn pid(&self) -> i32 {
        self.running.pid().as_raw_nonzero().get()
    }

    /// The most memory that was resident since [`Stage::forget_peak`], without mapped files.
    fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let bytes = |name: &str| {
            let kilobytes = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = kilobytes.and_then(|text| text.trim().strip_suffix(" kB"));
            kilobytes.unwrap().parse::<u64>().unwrap() * 1024
        };
        bytes("VmHWM:") - bytes("RssFile:")
    }

    /// Where the kernel can't do this, a case's peak includes those of the cases before it.
    fn forget_peak(&self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.pid()), "5");
    }
}

impl Scene {
    fn print(&self) {
        let Scene { name, took, slowest, peak_bytes } = self;
        let (fresh, kept) = (millis(slowest.fresh), millis(slowest.kept));
        println!(
            "{name:45} {:6.1} s, health at most {fresh:6.1} ms fresh, {kept:6.1} ms kept, \
             {:3} broken off, {:5.1} MB",
            took.as_secs_f64(),
            slowest.broken,
            *peak_bytes as f64 / 1e6,
        );
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Gives the descriptors back when dropped.
pub struct Scarce {
    pid: Pid,
    before: Rlimit,
}

impl Scarce {
    fn make(pid: Pid, most: u64) -> Scarce {
        let before = rustix::process::getrlimit(Resource::Nofile);
        let scarce = Rlimit { current: Some(most), maximum: before.maximum };
        let before = prlimit(Some(pid), Resource::Nofile, scarce).unwrap();
        Scarce { pid, before }
    }
}

impl Drop for Scarce {
    fn drop(&mut self) {
        let _ = prlimit(Some(self.pid), Resource::Nofile, self.before);
    }
}
