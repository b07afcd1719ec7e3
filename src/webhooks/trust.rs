//! The certificates that receivers are checked against.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;

use crate::mail::client_config;

const SETTING: &str = "WEBHOOK_CA_FILE";

/// Reads them when they are first needed: most hosts have hundreds, and no webhook.
#[derive(Clone, Debug)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ca_file: Option<PathBuf>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    /// The certificates in the file, or the system's.
    pub fn new(ca_file: Option<PathBuf>) -> Trust {
        Trust(Arc::new(Inner { ca_file, config: OnceLock::new() }))
    }

    /// # Errors
    /// The system has none.
    pub fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let Inner { ca_file, config } = &*self.0;
        config.get_or_init(|| client_config(SETTING, ca_file.as_deref())).clone()
    }
}
