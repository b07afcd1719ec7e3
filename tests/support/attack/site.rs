//! The server that is attacked: the test service in this process, or the real one in its own.

use std::net::SocketAddr;

use crate::client::Client;

/// A server's address and its paths.
#[derive(Clone, Copy)]
pub struct Site {
    pub address: SocketAddr,
    pub names: &'static Names,
}

/// A server's paths. Requests are written for those of [`TEST_SERVICE`].
pub struct Names {
    /// `GET` answers 200 and a small constant, and reads nothing from disk.
    pub constant: &'static str,
    pub constant_body: &'static str,
    /// `POST` reads a body of any kind.
    pub echo: &'static str,
    /// `GET` answers with a megabyte or more.
    pub large: &'static str,
}

pub const TEST_SERVICE: Names =
    Names { constant: "/constant", constant_body: "{}", echo: "/echo", large: "/large" };

pub const REAL_SERVICE: Names = Names {
    constant: "/livez",
    constant_body: r#"{"status":"alive"}"#,
    echo: "/auth/login",
    large: "/docs/5.35.0/swagger-ui-bundle.js",
};

impl Site {
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Rewrites a request to the test service into one to this server.
    pub fn aim(&self, request: &[u8]) -> Vec<u8> {
        let (ours, theirs) = (&TEST_SERVICE, self.names);
        let request = replaced(request, ours.constant, theirs.constant);
        let request = replaced(&request, ours.echo, theirs.echo);
        replaced(&request, ours.large, theirs.large)
    }

    pub fn ask(&self, client: &mut Client) {
        client.send(self.aim(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n"));
    }

    #[track_caller]
    pub fn assert_answered(&self, client: &mut Client) {
        client.read().assert_text(self.names.constant_body);
    }

    /// Panics unless a new connection gets its response.
    #[track_caller]
    pub fn assert_serves(&self) {
        let mut client = self.connect();
        self.ask(&mut client);
        self.assert_answered(&mut client);
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut rest = bytes;
    while let Some(start) = rest.windows(from.len()).position(|part| part == from.as_bytes()) {
        whole.extend_from_slice(&rest[..start]);
        whole.extend_from_slice(to.as_bytes());
        rest = &rest[start + from.len()..];
    }
    whole.extend_from_slice(rest);
    whole
}
