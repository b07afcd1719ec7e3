//! The transport as a whole: started, drained, stopped.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::airlock::Airlock;
use super::connection::{Connection, Patiences};
use super::crew::Crew;
use super::parking::Parking;
use super::refusal::Refusal;
use super::serving::{Service, Shared};
use super::worker::Worker;
use super::{door, janitor};
use crate::metrics::{CloseReason, Metrics};
use crate::sys::socket;

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    pub threads: usize,
    pub max_connections: usize,
    /// For each client address; an IPv6 client is its /64.
    pub max_connections_per_client: usize,
    /// With `max_head_bytes` at most 131072: a request must fit into the airlock.
    pub max_body_bytes: usize,
    pub max_head_bytes: usize,
    pub idle_timeout: Duration,
    pub request_timeout: Duration,
    /// Exempt from the cap for each client.
    pub trusted_proxies: Vec<IpNet>,
    /// Where the airlocks' directories are made for a moment. Its path must be short (60
    /// bytes): a socket's name is.
    pub temp_dir: PathBuf,
}

/// A running server. Dropped without a shutdown, it goes on serving.
pub struct Server {
    shared: Arc<Shared>,
    listener: Arc<TcpListener>,
    address: SocketAddr,
    door: JoinHandle<()>,
    threads: Vec<JoinHandle<()>>,
    janitor: JoinHandle<()>,
    stop_janitor: Sender<()>,
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request that had come whole was answered.
    Whole,
    /// So many connections were cut at the deadline.
    Cut(usize),
}

impl Server {
    /// Opens the airlocks, then starts to serve. The listener is bound already, so its
    /// address is known and requests may wait in its queue.
    pub fn start(
        listener: TcpListener,
        settings: Settings,
        service: Arc<dyn Service>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Server> {
        socket::prepare_listener(&listener)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(share(&settings, service, metrics)?);
        let parking = Arc::clone(&shared.parking);
        shared.service.call_when_settled(Box::new(move || parking.ring_if_settled()));
        let airlocks = Airlock::open(&shared.temp_dir, shared.airlock_bytes(), shared.threads)?;
        let threads = airlocks
            .into_iter()
            .map(|airlock| {
                let worker = Worker::new(Arc::clone(&shared), airlock);
                spawn("http", move || worker.run())
            })
            .collect::<io::Result<Vec<_>>>()?;
        let (stop_janitor, stop) = mpsc::channel();
        let janitor = {
            let shared = Arc::clone(&shared);
            spawn("http-janitor", move || janitor::run(shared, &stop))?
        };
        let listener = Arc::new(listener);
        let door = {
            let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
            spawn("http-door", move || door::run(&listener, &shared))?
        };
        Ok(Server { shared, listener, address, door, threads, janitor, stop_janitor })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and closes what is idle or half sent, at once; lets what is under way
    /// finish within `deadline`; then ends every thread. One that is still inside the service
    /// at the deadline is left behind.
    pub fn shutdown(self, deadline: Duration) -> Drained {
        let Server { shared, listener, door, threads, janitor, stop_janitor, .. } = self;
        let deadline = Instant::now() + deadline;
        shared.stopping.store(true, Ordering::Relaxed);
        socket::stop_listening(&listener);
        join(door);
        drop(listener);
        while shared.parking.open() > 0 && Instant::now() < deadline {
            close_where(&shared, Connection::is_unfinished);
            thread::sleep(DRAIN_ROUND);
        }
        let left = shared.parking.open();
        shared.parking.close();
        shared.crew.close();
        drop(stop_janitor);
        join(janitor);
        join_until(threads, Instant::now() + LAST_CALL);
        close_where(&shared, |_| true);
        let awaiting = shared.parking.take_awaiting();
        if !awaiting.is_empty() {
            log::warn!("{} orders have no answer: they may be placed or not", awaiting.len());
        }
        for connection in awaiting {
            connection.close(CloseReason::Shutdown);
        }
        if left == 0 { Drained::Whole } else { Drained::Cut(left) }
    }
}

/// How often a shutdown looks whether all is answered.
const DRAIN_ROUND: Duration = Duration::from_millis(5);
/// How long threads get to end after the deadline.
const LAST_CALL: Duration = Duration::from_millis(200);

fn close_where(shared: &Shared, choose: impl Fn(&Connection) -> bool) {
    for connection in shared.parking.take_all(choose) {
        connection.close(CloseReason::Shutdown);
    }
}

fn join_until(threads: Vec<JoinHandle<()>>, deadline: Instant) {
    for thread in threads {
        while !thread.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        if thread.is_finished() {
            join(thread);
        }
    }
}

/// What the threads share, made of the settings.
pub(super) fn share(
    settings: &Settings,
    service: Arc<dyn Service>,
    metrics: Arc<Metrics>,
) -> io::Result<Shared> {
    let parking = Parking::new(
        settings.max_connections.max(1),
        settings.max_connections_per_client.max(1),
        settings.trusted_proxies.clone(),
        Arc::clone(&metrics),
    )?;
    let refusals =
        Refusal::ALL.map(|refusal| metrics.connections.refused(refusal.reason(), refusal.status()));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Ok(Shared {
        service,
        parking: Arc::new(parking),
        crew: Crew::new(settings.threads.max(1), cores + 2),
        patiences: Patiences { idle: settings.idle_timeout, request: settings.request_timeout },
        max_head_bytes: settings.max_head_bytes,
        max_body_bytes: settings.max_body_bytes,
        threads: settings.threads.max(1),
        temp_dir: settings.temp_dir.clone(),
        stopping: AtomicBool::new(false),
        refusals: refusals.into(),
        metrics,
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        log::error!("a thread of the HTTP side had panicked");
    }
}
