//! The bytes below a conversation, plain or encrypted, and the certificates for it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::Certificate;

pub enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// Only while the one becomes the other.
    Between,
}

impl Wire {
    pub fn secured(self, config: &Arc<ServerConfig>) -> Wire {
        let Wire::Plain(stream) = self else { return self };
        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
        Wire::Tls(Box::new(StreamOwned::new(connection, stream)))
    }

    pub fn upgrade(&mut self, config: &Arc<ServerConfig>) {
        *self = std::mem::replace(self, Wire::Between).secured(config);
    }

    pub fn is_encrypted(&self) -> bool {
        matches!(self, Wire::Tls(_))
    }

    pub fn close(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.shutdown(Shutdown::Both),
            Wire::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()?;
                stream.sock.shutdown(Shutdown::Both)
            }
            Wire::Between => Ok(()),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(into),
            Wire::Tls(stream) => stream.read(into),
            Wire::Between => Ok(0),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(from),
            Wire::Tls(stream) => stream.write(from),
            Wire::Between => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Tls(stream) => stream.flush(),
            Wire::Between => Ok(()),
        }
    }
}

/// A server's side of TLS for `host` (and 127.0.0.1, where that is localhost), and the PEM of
/// whoever vouches for it.
pub fn certificates(host: &'static str, kind: Certificate) -> (Arc<ServerConfig>, String) {
    let mut names = vec![host.to_owned()];
    if host == "localhost" {
        names.push("127.0.0.1".to_owned());
    }
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names).unwrap();
    let (certificate, ca_pem) = match kind {
        Certificate::Signed => {
            let (issuer, ca_pem) = root();
            (params.signed_by(&key, issuer).unwrap(), ca_pem.clone())
        }
        Certificate::SelfSigned | Certificate::Expired | Certificate::NotYetValid => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            match kind {
                Certificate::Expired => params.not_after = date_time_ymd(2020, 1, 1),
                Certificate::NotYetValid => params.not_before = date_time_ymd(3000, 1, 1),
                _ => {}
            }
            let certificate = params.self_signed(&key).unwrap();
            let pem = certificate.pem();
            (certificate, pem)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (Arc::new(config), ca_pem)
}

/// One root serves all servers of a test binary.
fn root() -> &'static (Issuer<'static, KeyPair>, String) {
    static ROOT: OnceLock<(Issuer<'static, KeyPair>, String)> = OnceLock::new();
    ROOT.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (Issuer::new(params, key), certificate.pem())
    })
}
