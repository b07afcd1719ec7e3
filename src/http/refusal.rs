//! Why the front door turns a request or a connection away.

/// A request or connection that no route gets to see. The connection closes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Not HTTP, or framed in a way that RFC 9112 forbids or that could be read in two ways.
    Malformed,
    /// The client ended before its request did.
    Incomplete,
    /// The head or the body was not whole in its time.
    Timeout,
    /// The body is over its limit.
    BodyTooLarge,
    /// An expectation other than `100-continue`.
    Expectation,
    /// The head is over its limit, in bytes or lines.
    HeadTooLarge,
    /// A transfer coding or method (CONNECT) that is not implemented.
    NotImplemented,
    /// A version of HTTP other than 1.0 and 1.1.
    Version,
    /// As many connections are open as may be, all of them busy.
    Full,
    /// This client has as many connections open as it may have, all of them busy.
    ClientFull,
    /// The service panicked.
    Panic,
    /// The way into the library broke, and a new one did not help.
    Airlock,
}

impl Refusal {
    /// Every one, in the order of their discriminants.
    pub const ALL: [Refusal; 12] = [
        Refusal::Malformed,
        Refusal::Incomplete,
        Refusal::Timeout,
        Refusal::BodyTooLarge,
        Refusal::Expectation,
        Refusal::HeadTooLarge,
        Refusal::NotImplemented,
        Refusal::Version,
        Refusal::Full,
        Refusal::ClientFull,
        Refusal::Panic,
        Refusal::Airlock,
    ];

    pub fn status(self) -> u16 {
        match self {
            Refusal::Malformed | Refusal::Incomplete => 400,
            Refusal::Timeout => 408,
            Refusal::BodyTooLarge => 413,
            Refusal::Expectation => 417,
            Refusal::HeadTooLarge => 431,
            Refusal::Panic | Refusal::Airlock => 500,
            Refusal::NotImplemented => 501,
            Refusal::Full | Refusal::ClientFull => 503,
            Refusal::Version => 505,
        }
    }

    /// The label for metrics and the log.
    pub fn reason(self) -> &'static str {
        match self {
            Refusal::Malformed => "bad_request",
            Refusal::Incomplete => "incomplete",
            Refusal::Timeout => "timeout",
            Refusal::BodyTooLarge => "too_large",
            Refusal::Expectation => "expectation",
            Refusal::HeadTooLarge => "header_too_large",
            Refusal::NotImplemented => "not_implemented",
            Refusal::Version => "version",
            Refusal::Full => "connection_limit",
            Refusal::ClientFull => "client_connection_limit",
            Refusal::Panic => "panic",
            Refusal::Airlock => "airlock",
        }
    }

    /// What the client is told.
    pub fn text(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            408 => "Request Timeout",
            413 => "Content Too Large",
            417 => "Expectation Failed",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            503 => "Service Unavailable",
            505 => "HTTP Version Not Supported",
            _ => "Internal Server Error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_stands_at_its_own_place() {
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place);
        }
    }
}
