//! From nothing to a session that can take a message: connect, greeting, EHLO, TLS, AUTH.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::config::SmtpTls;

use super::dial::{Memory, dial};
use super::dialogue::{Dialogue, Fault};
use super::login::{Mechanisms, log_in};
use super::server::Server;
use super::step::{StepError, StepRunner};
use super::tls;
use super::transcript::Transcript;

/// Replies to EHLO of a server that doesn't know it (RFC 5321, 4.2.2): HELO is tried.
const UNKNOWN_COMMAND: [u16; 2] = [500, 502];

/// Opens connections to one server.
pub(super) struct Connector {
    pub server: Server,
    pub transcript: Transcript,
    tls: Option<TlsConnector>,
    memory: Memory,
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
        Ok(Connector { server, transcript: Transcript::default(), tls, memory: Memory::default() })
    }

    /// Goes on until the first MAIL FROM can be sent.
    pub async fn connect(&self, runner: &StepRunner) -> Result<Dialogue, StepError> {
        let Server { host, port, timeouts, .. } = &self.server;
        let dialling = async { Ok(dial(host, *port, &self.memory).await?) };
        let stream = runner.run("connect", timeouts.connect, dialling).await?;
        let ends = Ends::of(&stream, &self.server);
        if let Some(peer) = ends.peer {
            self.transcript.note(&format!("connected to {peer}"));
        }
        let session = self.open_session(runner, stream, &ends).await;
        match (&session, ends.peer) {
            (Ok(_), Some(peer)) => self.memory.note_success(peer.ip()),
            (Err(_), Some(peer)) => self.memory.note_failure(peer.ip()),
            (_, None) => {}
        }
        session
    }

    async fn open_session(
        &self,
        runner: &StepRunner,
        stream: TcpStream,
        ends: &Ends,
    ) -> Result<Dialogue, StepError> {
        let step = self.server.timeouts.step;
        let mut dialogue = Dialogue::over(Box::new(stream), self.transcript.clone());
        if self.server.security == SmtpTls::Implicit {
            dialogue = runner.run("TLS", step, self.secured(dialogue)).await?;
        }
        let greeting = async { dialogue.reply().await?.success() };
        runner.run("greeting", step, greeting).await?;
        let mut offered = self.greet(runner, &mut dialogue, ends).await?;
        if self.server.security == SmtpTls::Starttls {
            runner.run("STARTTLS", step, dialogue.command("STARTTLS")).await?;
            dialogue = runner.run("STARTTLS", step, self.secured(dialogue)).await?;
            // What was announced before may have been an attacker's word (RFC 3207, 4.2).
            offered = self.greet(runner, &mut dialogue, ends).await?;
        }
        let Some(credentials) = &self.server.credentials else { return Ok(dialogue) };
        if !ends.is_private {
            return Err(StepError::ours(
                "AUTH: no password is sent over an unencrypted connection",
            ));
        }
        runner.run("AUTH", step, log_in(&mut dialogue, credentials, offered)).await?;
        Ok(dialogue)
    }

    /// EHLO, or HELO where the server doesn't know that; what it offers to log in with.
    async fn greet(
        &self,
        runner: &StepRunner,
        dialogue: &mut Dialogue,
        ends: &Ends,
    ) -> Result<Mechanisms, StepError> {
        let step = self.server.timeouts.step;
        let (ehlo, helo) = (format!("EHLO {}", ends.own_name), format!("HELO {}", ends.own_name));
        match runner.run("EHLO", step, dialogue.command(&ehlo)).await {
            Ok(reply) => Ok(Mechanisms::announced(&reply)),
            Err(StepError { reply: Some(reply), .. }) if UNKNOWN_COMMAND.contains(&reply.code) => {
                runner.run("HELO", step, dialogue.command(&helo)).await?;
                Ok(Mechanisms::default())
            }
            Err(error) => Err(error),
        }
    }

    async fn secured(&self, dialogue: Dialogue) -> Result<Dialogue, Fault> {
        let Some(tls) = &self.tls else { return Err(Fault::broken("no connector")) };
        let name = ServerName::try_from(self.server.host.clone());
        let name =
            name.map_err(|_| Fault::broken("the server's name can't be in a certificate"))?;
        let stream = tls.connect(name, dialogue.into_stream()?).await?;
        self.transcript.note("encrypted from here on");
        Ok(Dialogue::over(Box::new(stream), self.transcript.clone()))
    }
}

/// What the two ends of a connection say about it.
struct Ends {
    peer: Option<SocketAddr>,
    /// Encrypted, or within the host.
    is_private: bool,
    /// Our name in EHLO.
    own_name: String,
}

impl Ends {
    fn of(stream: &TcpStream, server: &Server) -> Ends {
        let peer = stream.peer_addr().ok();
        let is_private = peer.is_some_and(|peer| is_private(server.security, peer.ip()));
        let own_ip = stream.local_addr().map(|own| own.ip().to_canonical());
        let literal = match own_ip {
            Ok(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            Ok(IpAddr::V4(ip)) => format!("[{ip}]"),
            Err(_) => "[127.0.0.1]".to_owned(),
        };
        Ends { peer, is_private, own_name: server.helo.clone().unwrap_or(literal) }
    }
}

/// Whether a password may be sent: the connection is encrypted, or doesn't leave the host.
fn is_private(security: SmtpTls, peer: IpAddr) -> bool {
    security != SmtpTls::None || peer.to_canonical().is_loopback()
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
