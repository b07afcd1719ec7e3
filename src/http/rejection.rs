//! Why the transport answers by itself, without the handler's routes.

/// Why a request or a connection was rejected. The connection closes after the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
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
    /// The handler panicked.
    Panic,
    /// The way into the library broke, and a new one did not help.
    Airlock,
}

impl Rejection {
    /// Every one, in the order of their discriminants.
    pub const ALL: [Rejection; 12] = [
        Rejection::Malformed,
        Rejection::Incomplete,
        Rejection::Timeout,
        Rejection::BodyTooLarge,
        Rejection::Expectation,
        Rejection::HeadTooLarge,
        Rejection::NotImplemented,
        Rejection::Version,
        Rejection::Full,
        Rejection::ClientFull,
        Rejection::Panic,
        Rejection::Airlock,
    ];

    pub fn status(self) -> u16 {
        match self {
            Rejection::Malformed | Rejection::Incomplete => 400,
            Rejection::Timeout => 408,
            Rejection::BodyTooLarge => 413,
            Rejection::Expectation => 417,
            Rejection::HeadTooLarge => 431,
            Rejection::Panic | Rejection::Airlock => 500,
            Rejection::NotImplemented => 501,
            Rejection::Full | Rejection::ClientFull => 503,
            Rejection::Version => 505,
        }
    }

    /// The label for metrics and the log.
    pub fn reason(self) -> &'static str {
        match self {
            Rejection::Malformed => "bad_request",
            Rejection::Incomplete => "incomplete",
            Rejection::Timeout => "timeout",
            Rejection::BodyTooLarge => "too_large",
            Rejection::Expectation => "expectation",
            Rejection::HeadTooLarge => "header_too_large",
            Rejection::NotImplemented => "not_implemented",
            Rejection::Version => "version",
            Rejection::Full => "connection_limit",
            Rejection::ClientFull => "client_connection_limit",
            Rejection::Panic => "panic",
            Rejection::Airlock => "airlock",
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
    fn every_rejection_stands_at_its_own_place() {
        for (place, rejection) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(rejection as usize, place);
        }
    }
}
