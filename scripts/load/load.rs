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
    /// Requests due in it are sent and checked, and not counted.
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
    /// Opening them is what is measured; each carries one request.
    Burst,
}
