//! How a command speaks to the service: over the socket of the one that runs, or, where none
//! runs, with the store opened in this process. The command notices no difference: it asks the
//! same API.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::api::{Api, METRICS_AGE};
use crate::app::{Dependencies, Foundation, SOCKET_FILE};
use crate::config::Config;
use crate::http::{LocalClient, LocalResponse, serve_local};
use crate::mail::{Shop, Templates};
use crate::store::Store;
use crate::sys::files::is_trusted_socket;
use crate::webhooks::tester::Tester;

use super::error::{CommandError, failed, failed_at};

/// For the next part of a response. The check of a large store takes minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

pub struct Operator {
    /// `None` only while this is dropped.
    client: Option<LocalClient>,
    own: Option<OwnService>,
}

/// The service in this process, where no other runs.
struct OwnService {
    store: Store,
    thread: JoinHandle<()>,
}

impl Operator {
    /// # Errors
    /// There is no database; or one that another process holds, which can't be reached.
    pub fn connect(config: &Config) -> Result<Operator, CommandError> {
        if let Some(stream) = running_service(config)? {
            return Ok(Operator { client: Some(LocalClient::new(stream)), own: None });
        }
        let nobody = format!("no service listens at {}", socket_path(config).display());
        if !config.database_path().exists() {
            let path = config.database_path().display();
            let why = format!("{nobody}, and there is no database at {path}");
            return Err(failed(format!("{why}; `orderd init` makes one")));
        }
        let dependencies = Dependencies::default();
        let Foundation { store, service, metrics, outgoing, waker } =
            Foundation::open(config, &dependencies)
                .map_err(|why| failed(format!("{why}; {nobody}")))?;
        // A template of the operator's that is broken shall stop no other command.
        let built_in = || Templates::load(None, Shop::of(config));
        let templates = Templates::of(config).or_else(|_| built_in()).map_err(failed)?;
        let (service, templates) = (Arc::new(service), Arc::new(templates));
        let tester = Tester::new(outgoing, dependencies.clock, waker);
        let api = Api::new(config, service, templates, metrics, METRICS_AGE, tester);
        let api = api.map_err(failed)?;
        let (client, server) = UnixStream::pair().map_err(failed)?;
        let thread = thread::Builder::new()
            .name("local".into())
            .spawn(move || serve_local(server, &api))
            .map_err(failed)?;
        let client = Some(LocalClient::new(client));
        Ok(Operator { client, own: Some(OwnService { store, thread }) })
    }

    /// As [`Operator::connect`], but `None` where no service runs.
    pub fn connect_to_running(config: &Config) -> Result<Option<Operator>, CommandError> {
        let stream = running_service(config)?;
        Ok(stream.map(|it| Operator { client: Some(LocalClient::new(it)), own: None }))
    }

    /// Waits no longer than that for the next part of a response.
    pub fn wait_at_most(&mut self, limit: Duration) -> Result<(), CommandError> {
        self.client()?.set_read_timeout(limit).map_err(broken)
    }

    pub fn get(&mut self, target: &str) -> Result<Value, CommandError> {
        self.ask("GET", target, None)
    }

    pub fn post(&mut self, target: &str, body: Option<&Value>) -> Result<Value, CommandError> {
        self.ask("POST", target, body)
    }

    /// A response of any length, after its status was seen to be good.
    pub fn download(&mut self, target: &str) -> Result<LocalResponse<'_>, CommandError> {
        let response = self.client()?.send("GET", target, None).map_err(broken)?;
        if response.status == 200 {
            return Ok(response);
        }
        let (status, body) = read(response)?;
        Err(refused(status, &body))
    }

    fn ask(
        &mut self,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, CommandError> {
        let body = body.map(Value::to_string);
        let body = body.as_ref().map(String::as_bytes);
        let (status, body) = read(self.client()?.send(method, target, body).map_err(broken)?)?;
        match status {
            200..=299 => Ok(body),
            _ => Err(refused(status, &body)),
        }
    }

    fn client(&mut self) -> Result<&mut LocalClient, CommandError> {
        self.client.as_mut().ok_or_else(|| failed("the connection to the service is closed"))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.client = None;
        if let Some(OwnService { store, thread }) = self.own.take() {
            // It ends with the connection. A panic of it was printed where it happened.
            let _ = thread.join();
            store.close();
        }
    }
}

/// Where a service that runs would be heard.
pub fn socket_path(config: &Config) -> PathBuf {
    config.beside_database(SOCKET_FILE)
}

fn running_service(config: &Config) -> Result<Option<UnixStream>, CommandError> {
    let path = socket_path(config);
    match is_trusted_socket(&path, config.database_path()) {
        Ok(true) => {}
        Ok(false) => {
            let why = "is not the service's socket: somebody else owns it";
            return Err(failed_at(&path, why));
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(failed_at(&path, why)),
    }
    let connected = UnixStream::connect(&path)
        .and_then(|stream| stream.set_read_timeout(Some(LONGEST_WAIT)).map(|()| stream));
    match connected {
        Ok(stream) => Ok(Some(stream)),
        // Left behind by one that was killed.
        Err(why) if why.kind() == io::ErrorKind::ConnectionRefused => Ok(None),
        Err(why) => Err(failed_at(&path, why)),
    }
}

/// Most bytes of a response that is read whole.
const MAX_BODY_BYTES: u64 = 64 << 20;

fn read(response: LocalResponse<'_>) -> Result<(u16, Value), CommandError> {
    let status = response.status;
    let mut body = Vec::new();
    response.take(MAX_BODY_BYTES).read_to_end(&mut body).map_err(broken)?;
    match body.is_empty() {
        true => Ok((status, Value::Null)),
        false => Ok((status, serde_json::from_slice(&body).map_err(failed)?)),
    }
}

fn broken(why: io::Error) -> CommandError {
    match why.kind() {
        io::ErrorKind::WouldBlock => failed("the service did not answer in time"),
        _ => failed(format!("the service did not answer: {why}")),
    }
}

/// What the service says, in one line.
fn refused(status: u16, body: &Value) -> CommandError {
    match &body["detail"] {
        Value::String(text) => failed(text),
        Value::Array(faults) => {
            let told = faults.iter().map(|fault| {
                let place = fault["loc"].as_array().and_then(|place| place.last());
                let place = place.and_then(Value::as_str).unwrap_or_default();
                format!("{place}: {}", fault["msg"].as_str().unwrap_or_default())
            });
            failed(told.collect::<Vec<_>>().join("; "))
        }
        _ => failed(format!("the service answered {status}")),
    }
}
