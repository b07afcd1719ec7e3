//! How the transport is set up.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Serving threads.
    pub threads: usize,
    pub max_connections: usize,
    /// For each client address; an IPv6 client is its /64.
    pub max_connections_per_client: usize,
    /// With `max_head_bytes` at most 131072: a request must fit into the airlock.
    pub max_body_bytes: usize,
    pub max_head_bytes: usize,
    pub timeouts: Timeouts,
    /// Exempt from the cap for each client: they speak for many.
    pub trusted_proxies: Vec<IpNet>,
    /// Where the airlocks' directories are made for a moment. Its path must be short (60
    /// bytes): a socket's name is.
    pub temp_dir: PathBuf,
}

/// The limits of time that a connection lives under.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the first byte of a request, from the accept or from the end of the last response.
    pub idle: Duration,
    /// For a head from its first byte, for a body from the end of its head, and for a response
    /// from its first send; each piece of a streamed response has it anew.
    pub request: Duration,
}

impl Settings {
    /// The longest canonical request, in bytes: the airlock is made for it.
    pub fn airlock_bytes(&self) -> usize {
        self.max_head_bytes + super::airlock::MAX_GROWTH_BYTES + self.max_body_bytes
    }
}

/// For one connection and one thread.
#[cfg(test)]
pub fn test_settings() -> Settings {
    let second = Duration::from_secs(1);
    Settings {
        threads: 1,
        max_connections: 1,
        max_connections_per_client: 1,
        max_body_bytes: 1000,
        max_head_bytes: 1000,
        timeouts: Timeouts { idle: second, request: second },
        trusted_proxies: Vec::new(),
        temp_dir: PathBuf::new(),
    }
}
