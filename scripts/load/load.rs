//! How hard a server is driven, and for how long.

use std::net::SocketAddr;
use std::time::Duration;

/// What the engine is asked to do.
#[derive(Clone, Debug)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub threads: usize,
    pub pace: Pace,
    pub end: End,
    /// Requests that are due in this time are sent and checked, but not counted.
    pub warmup: Duration,
    pub opening: Opening,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    Closed,
    Open { per_second: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    After(Duration),
    Count(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Connections are opened first, and kept.
    Kept,
    /// The opening is measured as well; each connection carries one request.
    Burst,
}
