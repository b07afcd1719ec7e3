//! From nothing to a session that can take a message: connect, greeting, EHLO, TLS, AUTH.

use std::net::IpAddr;

use mail_send::smtp::AssertReply;
use mail_send::{Credentials as Login, SmtpClient};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, EhloResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::SmtpTls;

use super::server::{Credentials, Server};
use super::step::{StepError, StepRunner};
use super::tls;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

pub(super) type Client = SmtpClient<Box<dyn Stream>>;

/// Opens connections to one server.
pub(super) struct Connector {
    pub server: Server,
    tls: Option<TlsConnector>,
}

impl Connector {
    /// Loads the trusted certificates; connects to nothing.
    ///
    /// # Errors
    /// One line: a CA file that can't be used, or no certificates on the system.
    pub fn new(server: Server) -> Result<Connector, String> {
        let tls = match server.security {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => {
                Some(tls::connector(server.ca_file.as_deref())?)
            }
        };
        Ok(Connector { server, tls })
    }

    /// Goes on until the first MAIL FROM can be sent.
    pub async fn connect(&self, runner: &StepRunner<'_>) -> Result<Client, StepError> {
        let Server { host, port, security, timeouts, .. } = &self.server;
        let stream = runner
            .run("connect", timeouts.connect, async {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // The library writes a message's last dot by itself: without this it waits
                // for the server's delayed acknowledgement, 40 ms for every message.
                stream.set_nodelay(true)?;
                Ok(stream)
            })
            .await?;
        let ends = Ends::of(&stream, *security);
        let client = SmtpClient { stream, timeout: timeouts.step };
        let mut client = match (security, &self.tls) {
            (SmtpTls::None, _) => self.greeted(runner, client).await?.boxed(),
            (SmtpTls::Implicit, Some(tls)) => {
                let secured = runner.run("TLS", timeouts.step, client.into_tls(tls, host));
                self.greeted(runner, secured.await?).await?.boxed()
            }
            (SmtpTls::Starttls, Some(tls)) => {
                let mut client = self.greeted(runner, client).await?;
                let ehlo = client.ehlo(&ends.own_name);
                runner.run("EHLO", timeouts.step, ehlo).await?;
                let upgrade = client.start_tls(tls, host);
                runner.run("STARTTLS", timeouts.step * 2, upgrade).await?.boxed()
            }
            (_, None) => return Err(StepError::ours("TLS: no connector")),
        };
        let ehlo = client.ehlo(&ends.own_name);
        let capabilities = runner.run("EHLO", timeouts.step, ehlo).await?;
        self.authenticate(runner, &mut client, &ends, capabilities).await?;
        Ok(client)
    }

    /// Reads the greeting. The library would read it without a timeout.
    async fn greeted<T: Stream>(
        &self,
        runner: &StepRunner<'_>,
        mut client: SmtpClient<T>,
    ) -> Result<SmtpClient<T>, StepError> {
        let greeting = async { client.read().await?.assert_positive_completion() };
        runner.run("greeting", self.server.timeouts.step, greeting).await?;
        Ok(client)
    }

    async fn authenticate(
        &self,
        runner: &StepRunner<'_>,
        client: &mut Client,
        ends: &Ends,
        mut capabilities: EhloResponse<String>,
    ) -> Result<(), StepError> {
        let Some(Credentials { username, password }) = &self.server.credentials else {
            return Ok(());
        };
        if !ends.is_private {
            return Err(StepError::ours(
                "AUTH: no password is sent over an unencrypted connection",
            ));
        }
        // The library would begin mechanisms that it was built without, and get stuck in them.
        capabilities.auth_mechanisms &= AUTH_PLAIN | AUTH_LOGIN;
        let login = Login::Plain { username: username.as_str(), secret: password.as_str() };
        let timeout = self.server.timeouts.step * 2;
        let authenticated = async { client.authenticate(&login, &capabilities).await.map(|_| ()) };
        runner.run("AUTH", timeout, authenticated).await
    }
}

/// What the two ends of a connection say about it.
struct Ends {
    /// Encrypted, or within the host.
    is_private: bool,
    /// Our name in EHLO: our address in brackets (RFC 5321, 4.1.4).
    own_name: String,
}

impl Ends {
    fn of(stream: &TcpStream, security: SmtpTls) -> Ends {
        let own_ip = stream.local_addr().map(|own| own.ip().to_canonical());
        let own_name = match own_ip {
            Ok(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            Ok(IpAddr::V4(ip)) => format!("[{ip}]"),
            Err(_) => "[127.0.0.1]".to_owned(),
        };
        let is_private = stream.peer_addr().is_ok_and(|peer| is_private(security, peer.ip()));
        Ends { is_private, own_name }
    }
}

/// Whether a password may be sent: the connection is encrypted, or doesn't leave the host.
fn is_private(security: SmtpTls, peer: IpAddr) -> bool {
    security != SmtpTls::None || peer.to_canonical().is_loopback()
}

trait Boxed {
    fn boxed(self) -> Client;
}

impl<T: Stream + 'static> Boxed for SmtpClient<T> {
    fn boxed(self) -> Client {
        SmtpClient { stream: Box::new(self.stream), timeout: self.timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_said_only_in_private() {
        for (peer, plain) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("0.0.0.0", false),
        ] {
            let peer = peer.parse().unwrap();
            assert_eq!(is_private(SmtpTls::None, peer), plain, "{peer}");
            assert!(is_private(SmtpTls::Starttls, peer) && is_private(SmtpTls::Implicit, peer));
        }
    }
}
