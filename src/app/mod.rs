//! Builds all of it, starts it, stops it in order.

mod first_admin;
mod start_error;
mod supervision;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{Api, METRICS_AGE, delivery_body};
use crate::auth::{Cost, Hasher, SigningKey, Tokens, load_key, load_or_create_key};
use crate::clock::Clock;
use crate::config::{Config, Unusable};
use crate::http::{self, Drained};
use crate::mail::{self, Mailer, Sender, check_ca_file};
use crate::metrics::Metrics;
use crate::service::{DOWNLOAD_FILE, Service};
use crate::store::{
    BackupPlan, FileStorage, RunningUpkeep, SetFeed, Storage, Store, Upkeep, UpkeepPlan,
};
use crate::sys;
use crate::sys::files::{DATA_FOLDER_MODE, folder_of, make_folder, real_path, try_folder};
use crate::sys::poll::Waker;
use crate::sys::stop::Stop;
use crate::webhooks::delivery::{ATTEMPT, Outgoing};
use crate::webhooks::endpoint::Deliverer;
use crate::webhooks::resolver::{Names, Resolver, SystemNames};
use crate::webhooks::runner::{self, Runner};
use crate::webhooks::tester::Tester;
use crate::webhooks::trust::Trust;

pub use first_admin::seed;
pub use start_error::StartError;
pub use supervision::Supervision;

use first_admin::{check_published_password, warn_of_initial_password};

/// How long a stop waits for what is under way.
const DRAIN: Duration = Duration::from_secs(10);
/// Password checks that may wait, at most; fewer where there are few threads, so that
/// logins leave threads to orders.
const MAX_WAITING_HASHES: usize = 16;
/// Threads beyond `HTTP_THREADS`, which writes may all be waiting in: the probes are
/// answered while the disk hangs.
const SPARE_THREADS: usize = 4;
/// Where the service listens for commands on this host.
pub const SOCKET_FILE: &str = "orders.sock";
const KEY_FILE: &str = "orders.key";

/// What a test puts in the place of the real thing.
#[derive(Clone)]
pub struct Dependencies {
    pub clock: Clock,
    pub hash_cost: Cost,
    /// What the store at a path lies on.
    pub storage: Arc<MakeStorage>,
    /// How long one rendering of the metrics is served.
    pub metrics_age: Duration,
    /// What knows the addresses of webhooks' names.
    pub names: Arc<dyn Names>,
}

/// Makes the storage of a store at a path.
type MakeStorage = dyn Fn(&Path) -> Box<dyn Storage>;

/// A running service.
pub struct App {
    store: Store,
    server: http::Server,
    local: Option<http::LocalServer>,
    sender: mail::Running,
    webhooks: runner::Running,
    upkeep: RunningUpkeep,
}

/// The rooms below the door, open: what a command without a server needs too.
pub struct Foundation {
    pub store: Store,
    pub service: Service,
    pub metrics: Arc<Metrics>,
    /// Called by the store when writes have their outcome.
    pub waker: Waker,
    /// Where webhooks go, and how.
    pub outgoing: Outgoing,
}

impl Default for Dependencies {
    fn default() -> Dependencies {
        Dependencies {
            clock: Clock::system(),
            hash_cost: Cost::Full,
            storage: Arc::new(|path| Box::new(FileStorage::new(path))),
            metrics_age: METRICS_AGE,
            names: Arc::new(SystemNames),
        }
    }
}

impl App {
    /// Opens the store, makes the first admin where there is no user, and serves. What can be
    /// tried is tried first, so that a start that fails leaves no database behind.
    pub fn start(config: &Config, dependencies: &Dependencies) -> Result<App, StartError> {
        let mailer = Mailer::new(config).map_err(StartError::Setting)?;
        check_ca_file(config.webhook_ca_file.as_deref())
            .map_err(|why| StartError::Setting(Unusable::new("WEBHOOK_CA_FILE", why)))?;
        let listener = bind(config)?;
        try_places(config)?;
        sys::process::raise_fd_limit();
        let Foundation { store, service, metrics, waker, outgoing } =
            Foundation::open(config, dependencies)?;
        store.limit_waiters(config.http_threads as usize);
        if let Some(made) = seed(config, &service)? {
            log::info!("{made}");
        }
        if let Err(unusable) = check_published_password(config, &service, &listener) {
            store.close();
            return Err(unusable);
        }
        warn_of_initial_password(config);
        store
            .write(SetFeed { is_on: config.events_keep_days > 0 })
            .map_err(|why| StartError::at(config.database_path(), why))?;
        let warning = service.mail_warning().clone();
        let webhook_warning = service.webhook_warning().clone();
        let metrics_age = dependencies.metrics_age;
        let clock = dependencies.clock.clone();
        let tester = Tester::new(outgoing.clone(), clock, waker.clone());
        let (service, templates) = (Arc::new(service), mailer.templates.clone());
        let api = Api::new(config, service, templates, metrics.clone(), metrics_age, tester);
        let api = Arc::new(api.map_err(StartError::of)?);
        let gauges = &metrics.sampled;
        gauges.process.start_seconds.set(dependencies.clock.now().as_secs() as i64);
        let clock = dependencies.clock.clone();
        let sender = Sender::new(mailer, store.clone(), clock, metrics.mail.clone(), warning)
            .start()
            .map_err(StartError::of)?;
        let deliverer = Deliverer {
            store: store.clone(),
            clock: dependencies.clock.clone(),
            outgoing,
            metrics: metrics.webhooks.clone(),
            warning: webhook_warning,
            render: delivery_body,
            stop: Stop::new(),
        };
        let webhooks = Runner::new(deliverer).start().map_err(StartError::of)?;
        let (clock, gauge) = (dependencies.clock.clone(), gauges.last_backup_seconds.clone());
        let upkeep = Upkeep::new(store.clone(), clock, upkeep_plan(config), gauge);
        upkeep.remove_leftovers();
        let settings = transport_settings(config);
        let local = listen_locally(config, api.clone());
        let server = http::Server::start(listener, settings, api, &waker, metrics);
        let server = match server {
            Ok(server) => server,
            Err(why) => {
                if let Some(local) = local {
                    local.stop();
                }
                sender.stop();
                webhooks.stop();
                store.close();
                return Err(StartError::of(why));
            }
        };
        // The last, since it reads through all mails that were sent first thing.
        let upkeep = upkeep.start().map_err(StartError::of)?;
        Ok(App { store, server, local, sender, webhooks, upkeep })
    }

    /// Where it listens; with `PORT=0` the port that was picked.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops accepting, lets requests and the mail under way finish, and closes the store.
    /// A backup that is being made ends unfinished: how long it would take depends on the
    /// store's size, and whoever waits for it is told to come back.
    pub fn stop(self) {
        self.store.stop_backups();
        if let Some(local) = self.local {
            local.stop();
        }
        if let Drained::Cut(connections) = self.server.shutdown(DRAIN) {
            log::warn!("{connections} connections were cut");
        }
        self.sender.stop();
        self.webhooks.stop();
        self.upkeep.stop();
        self.store.close();
    }
}

impl Foundation {
    pub fn open(config: &Config, dependencies: &Dependencies) -> Result<Foundation, StartError> {
        let metrics = Arc::new(Metrics::new());
        let path = config.database_path();
        check_signing_key(config)?;
        let waker = Waker::new().map_err(StartError::of)?;
        let (storage, clock) = ((dependencies.storage)(path), dependencies.clock.clone());
        let store = Store::open_on(storage, clock, waker.clone(), &metrics)
            .map_err(|why| StartError::at(path, why))?;
        let key = signing_key(config)?;
        if key.is_monotonous() {
            log::warn!(
                "the key of the tokens (SECRET_KEY) has few different letters, or repeats itself: \
                 whoever guesses it can be anyone; leave it out, and a random one is made"
            );
        }
        let tokens = Tokens::new(&key, config.token_life());
        let max_waiting = MAX_WAITING_HASHES.min(config.http_threads as usize / 4);
        let hasher = Hasher::new(max_waiting, dependencies.hash_cost);
        let clock = dependencies.clock.clone();
        let service = Service::new(config, store.clone(), hasher, tokens, clock, &metrics);
        let outgoing = Outgoing {
            networks: config.networks_of_webhooks(),
            resolver: Resolver::new(dependencies.names.clone(), waker.clone()),
            trust: Trust::new(config.webhook_ca_file.clone()),
            limit: ATTEMPT,
        };
        Ok(Foundation { store, service, metrics, waker, outgoing })
    }
}

fn signing_key(config: &Config) -> Result<SigningKey, StartError> {
    if let Some(key) = &config.secret_key {
        return Ok(SigningKey::from_text(key.expose()));
    }
    let path = config.beside_database(KEY_FILE);
    load_or_create_key(&path).map_err(|why| StartError::at(&path, why))
}

/// Reads the key that is there. It is made only once the store is open, and so locked: of two
/// first starts at once, one must not replace the key that the other uses.
fn check_signing_key(config: &Config) -> Result<(), StartError> {
    if config.secret_key.is_some() {
        return Ok(());
    }
    let path = config.beside_database(KEY_FILE);
    load_key(&path).map(drop).map_err(|why| StartError::at(&path, why))
}

/// Tries what no setting names, so that a start that fails leaves no database behind.
fn try_places(config: &Config) -> Result<(), StartError> {
    let database = real_path(config.database_path());
    make_folder(folder_of(&database), DATA_FOLDER_MODE).map_err(StartError::of)?;
    // The transport makes its sockets there. The folder is the system's to make.
    let folder = std::env::temp_dir();
    try_folder(&folder).map_err(|why| {
        StartError::Unusable(format!("TMPDIR={}: can't be used: {why}", folder.display()))
    })
}

fn bind(config: &Config) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind((config.host.as_str(), config.port));
    bound.map_err(|why| StartError::Failed(format!("{}:{}: {why}", config.host, config.port)))
}

/// Without the socket the service runs all the same, and its commands say that it isn't there.
fn listen_locally(config: &Config, api: Arc<Api>) -> Option<http::LocalServer> {
    let path = config.beside_database(SOCKET_FILE);
    http::LocalServer::start(&path, api)
        .inspect_err(|why| {
            log::warn!("commands can't reach this service: {}: {why}", path.display())
        })
        .ok()
}

fn upkeep_plan(config: &Config) -> UpkeepPlan {
    UpkeepPlan {
        backups: config.backup_dir.clone().map(|folder| BackupPlan {
            folder,
            interval: config.backup_interval.0,
            keep: config.backup_keep as usize,
        }),
        download: config.beside_database(DOWNLOAD_FILE),
        keep_sent_mails: Duration::from_secs(u64::from(config.mail_keep_days) * 86_400),
        keep_keys: Duration::from_secs(u64::from(config.idempotency_keep_hours) * 3600),
        keep_events: Duration::from_secs(u64::from(config.events_keep_days) * 86_400),
    }
}

fn transport_settings(config: &Config) -> http::Settings {
    http::Settings {
        threads: config.http_threads as usize + SPARE_THREADS,
        max_connections: config.http_max_connections as usize,
        max_connections_per_client: config.max_connections_per_client() as usize,
        max_body_bytes: config.http_max_body_bytes as usize,
        max_head_bytes: config.http_max_head_bytes as usize,
        timeouts: http::Timeouts {
            idle: Duration::from_secs(config.http_idle_timeout.into()),
            request: Duration::from_secs(config.http_request_timeout.into()),
        },
        trusted_proxies: config.trusted_proxies.0.clone(),
        temp_dir: std::env::temp_dir(),
    }
}
