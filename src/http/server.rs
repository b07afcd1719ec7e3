//! The transport as a whole: started, drained, stopped.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::airlock::Airlock;
use super::connection::Connection;
use super::handler::Handler;
use super::settings::Settings;
use super::transport::Transport;
use super::worker::Worker;
use super::{front_door, janitor};
use crate::metrics::{CloseReason, Metrics};
use crate::sys::poll::Waker;
use crate::sys::socket;
use crate::sys::stop::Stop;

/// A running server. Dropped without a shutdown, it goes on serving.
pub struct Server {
    transport: Arc<Transport>,
    listener: Arc<TcpListener>,
    address: SocketAddr,
    front_door: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
    janitor: JoinHandle<()>,
    stop_janitor: Stop,
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
    /// Opens the airlocks, then starts to serve. The listener is bound already, so its address
    /// is known and requests may wait in its queue. What makes deferred responses ready calls
    /// `waker`.
    ///
    /// # Errors
    /// A thread, a socket or an airlock can't be had.
    pub fn start(
        listener: TcpListener,
        settings: Settings,
        handler: Arc<dyn Handler>,
        waker: &Waker,
        metrics: Arc<Metrics>,
    ) -> io::Result<Server> {
        socket::prepare_listener(&listener)?;
        let address = listener.local_addr()?;
        let airlocks =
            Airlock::open(&settings.temp_dir, settings.airlock_bytes(), settings.threads)?;
        let transport = Arc::new(Transport::new(settings, handler, waker, metrics)?);
        let workers = airlocks
            .into_iter()
            .map(|airlock| {
                let worker = Worker::new(Arc::clone(&transport), airlock);
                spawn("http", move || worker.run())
            })
            .collect::<io::Result<Vec<_>>>()?;
        let stop_janitor = Stop::new();
        let janitor = {
            let (transport, stop) = (Arc::clone(&transport), stop_janitor.clone());
            spawn("http-janitor", move || janitor::run(transport, &stop))?
        };
        let listener = Arc::new(listener);
        let front_door = {
            let (listener, transport) = (Arc::clone(&listener), Arc::clone(&transport));
            spawn("http-door", move || front_door::run(&listener, &transport))?
        };
        Ok(Server { transport, listener, address, front_door, workers, janitor, stop_janitor })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and closes what is idle or half sent, at once; lets what is under way
    /// finish within `deadline`; then ends every thread. One that is still inside the handler
    /// at the deadline is left behind.
    pub fn shutdown(self, deadline: Duration) -> Drained {
        let Server { transport, listener, front_door, workers, janitor, stop_janitor, .. } = self;
        let deadline = Instant::now() + deadline;
        transport.begin_stop();
        transport.handler.stop();
        transport.parking.deferrals().collect_for_others();
        socket::stop_listening(&listener);
        join(front_door);
        drop(listener);
        while transport.limits.open() > 0 && Instant::now() < deadline {
            close_where(&transport, Connection::is_unfinished);
            thread::sleep(DRAIN_ROUND);
        }
        let left = transport.limits.open();
        transport.parking.close();
        transport.pool.close();
        stop_janitor.set();
        join(janitor);
        join_until(workers, Instant::now() + LAST_CALL);
        close_where(&transport, |_| true);
        let deferred = transport.parking.deferrals().take_all();
        if !deferred.is_empty() {
            log::warn!("{} orders got no response: they may be placed or not", deferred.len());
        }
        for connection in deferred {
            connection.close(CloseReason::Shutdown);
        }
        if left == 0 { Drained::Whole } else { Drained::Cut(left) }
    }
}

/// How often a shutdown looks whether all is answered.
const DRAIN_ROUND: Duration = Duration::from_millis(5);
/// How long threads get to end after the deadline.
const LAST_CALL: Duration = Duration::from_millis(200);

fn close_where(transport: &Transport, choose: impl Fn(&Connection) -> bool) {
    for connection in transport.parking.take_all(choose) {
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

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    // The system's own words, "Resource temporarily unavailable", lead nobody there.
    thread.map_err(|error| {
        let what = "fewer HTTP_THREADS, or a higher limit, such as the unit's TasksMax";
        io::Error::new(error.kind(), format!("no more threads can be started ({what}): {error}"))
    })
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        log::error!("a thread of the transport had panicked");
    }
}
