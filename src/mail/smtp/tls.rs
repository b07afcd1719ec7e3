//! Which certificates to trust: the system's, or only those in one file.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// A connector to the mail server.
///
/// # Errors
/// Those of [`client_config`].
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    Ok(TlsConnector::from(client_config("SMTP_CA_FILE", ca_file)?))
}

/// Verifies a server's certificate and name against the certificates in `ca_file`, which
/// `setting` names, or the system's where there is none.
///
/// # Errors
/// One line: the file can't be read or holds no certificate, or the system has none.
pub fn client_config(setting: &str, ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?;
    let config = match ca_file {
        None => config.with_root_certificates(from_system(setting)?),
        Some(path) => {
            let named = |why: String| format!("{setting} {}: {why}", path.display());
            let listed = certificates(path).map_err(named)?;
            let roots = Arc::new(roots_of(&listed).map_err(named)?);
            let by_root = WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| named(error.to_string()))?;
            // Nothing is left out: it takes more certificates, by the file that names them.
            let verifier = Arc::new(ListedOrSigned { by_root, listed });
            config.dangerous().with_custom_certificate_verifier(verifier)
        }
    };
    Ok(Arc::new(config.with_no_client_auth()))
}

/// Whether the file, where there is one, holds certificates that can be used.
///
/// # Errors
/// What is wrong with it; the caller names it.
pub fn check_ca_file(path: Option<&Path>) -> Result<(), String> {
    path.map_or(Ok(()), |path| roots_of(&certificates(path)?).map(|_| ()))
}

/// Takes a server's certificate that one in the file has signed, and one that is itself in the
/// file. The library alone takes no CA certificate for a server, which most self-signed ones are:
/// `openssl req -x509` makes them so.
#[derive(Debug)]
struct ListedOrSigned {
    by_root: Arc<WebPkiServerVerifier>,
    listed: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for ListedOrSigned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_root = self.by_root.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match by_root {
            // Nobody in the file has signed it, or it is a CA's own (`Other`). The dates are in
            // order: they are checked before both, and their errors are others.
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::Other(_),
            )) if self.listed.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            decided => decided,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_root.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_root.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_root.supported_verify_schemes()
    }
}

/// All of the file's certificates: at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let listed = read.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if listed.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    Ok(listed)
}

fn roots_of(listed: &[CertificateDer<'static>]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in listed {
        roots.add(certificate.clone()).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

/// Certificates of the system that can't be parsed are left out.
fn from_system(setting: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(format!("no CA certificates on this system; {setting} can name some"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        assert!(connector(Some(&path)).err().unwrap().contains("ca.pem"));
        std::fs::write(&path, "nothing").unwrap();
        assert!(connector(Some(&path)).err().unwrap().contains("no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, broken).unwrap();
        assert!(connector(Some(&path)).err().unwrap().contains("ca.pem"));
    }
}
