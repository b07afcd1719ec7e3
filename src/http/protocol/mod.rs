//! The bytes of HTTP/1.1: where a head ends, how a body is framed, how a response is written.

pub mod chunked;
pub mod encoder;
pub mod framing;
pub mod head_scanner;
pub mod target;
