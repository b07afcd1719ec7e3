//! The SMTP client: one session, many letters, a limit on every step (RFC 5321).
//!
//! A step that fails says who it is about. Only the recipient or the content can be refused
//! for good; a server that refuses us (greeting, EHLO, STARTTLS, AUTH, MAIL FROM) is the
//! session's trouble, and every letter left waits for another one.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use mail_send::smtp::AssertReply;
use mail_send::smtp::message::Parameters;
use mail_send::{Credentials as Login, SmtpClient};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, EhloResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

use crate::config::SmtpTls;

use super::address::is_plain;
use super::letter::Message;
use super::step::{Failure, Trouble, Watch};
use super::tls;
use super::transport::Delivery;
use crate::sys::stop::Stop;

/// "Mailbox name not allowed": what a letter gets that we don't even offer.
const BAD_MAILBOX: u16 = 553;

#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// One command and its reply, the greeting, the TLS handshake.
    pub step: Duration,
    /// The content and its final reply: servers scan it meanwhile, and who gives up too
    /// early sends it twice (RFC 5321, 4.5.3.2.6).
    pub content: Duration,
    pub quit: Duration,
    /// What a step gets after a stop was asked for while a letter is under way.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            step: Duration::from_secs(30),
            content: Duration::from_secs(120),
            quit: Duration::from_secs(5),
            stop: Duration::from_secs(3),
        }
    }
}

/// The server to talk to, and how.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: SmtpTls,
    /// PEM roots to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub credentials: Option<Credentials>,
    pub limits: Limits,
}

/// Sessions with one server, and the runtime that they need.
pub struct Smtp {
    server: Server,
    connector: Option<TlsConnector>,
    runtime: Runtime,
}

/// A session that has been opened, greeted, secured and authenticated.
pub struct SmtpSession<'a> {
    smtp: &'a Smtp,
    stop: Stop,
    state: State,
}

enum State {
    Ready(Client),
    /// Why nothing more is sent.
    Over(String),
}

trait Wire: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}
type Client = SmtpClient<Box<dyn Wire>>;

impl Smtp {
    /// Loads the certificates to trust and makes the runtime; connects to nothing.
    ///
    /// # Errors
    /// One line: a CA file that can't be used, or no certificates on the system.
    pub fn new(server: Server) -> Result<Smtp, String> {
        let connector = match server.security {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => {
                Some(tls::connector(server.ca_file.as_deref())?)
            }
        };
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| format!("mail: no runtime: {error}"))?;
        Ok(Smtp { server, connector, runtime })
    }

    /// Connects, and goes on until the first MAIL FROM can be said. A stop ends it at once.
    ///
    /// # Errors
    /// One line: the step and the reason.
    pub fn open(&self, stop: &Stop) -> Result<SmtpSession<'_>, String> {
        let watch = Watch { stop, after_stop: Duration::ZERO };
        let client = self.runtime.block_on(self.connect(&watch)).map_err(|trouble| trouble.text)?;
        Ok(SmtpSession { smtp: self, stop: stop.clone(), state: State::Ready(client) })
    }

    async fn connect(&self, watch: &Watch<'_>) -> Result<Client, Trouble> {
        let Server { host, port, security, limits, .. } = &self.server;
        let stream = watch
            .step("connect", limits.connect, async {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // The library writes a mail's last dot by itself: without this it waits for
                // the server's delayed acknowledgement, 40 ms for every mail.
                stream.set_nodelay(true)?;
                Ok(stream)
            })
            .await?;
        let path = Path::of(&stream, *security);
        let client = SmtpClient { stream, timeout: limits.step };
        let mut client = match (security, &self.connector) {
            (SmtpTls::None, _) => self.greeted(watch, client).await?.boxed(),
            (SmtpTls::Implicit, Some(connector)) => {
                let secured = watch.step("TLS", limits.step, client.into_tls(connector, host));
                self.greeted(watch, secured.await?).await?.boxed()
            }
            (SmtpTls::Starttls, Some(connector)) => {
                let mut client = self.greeted(watch, client).await?;
                let ehlo = client.ehlo(&path.own_name);
                watch.step("EHLO", limits.step, ehlo).await?;
                let upgrade = client.start_tls(connector, host);
                watch.step("STARTTLS", limits.step * 2, upgrade).await?.boxed()
            }
            (_, None) => return Err(Trouble::ours("TLS: no connector")),
        };
        let ehlo = client.ehlo(&path.own_name);
        let server = watch.step("EHLO", limits.step, ehlo).await?;
        self.authenticate(watch, &mut client, &path, server).await?;
        Ok(client)
    }

    /// The library reads a greeting outside any limit: this is the limit.
    async fn greeted<T: Wire>(
        &self,
        watch: &Watch<'_>,
        mut client: SmtpClient<T>,
    ) -> Result<SmtpClient<T>, Trouble> {
        let greeting = async { client.read().await?.assert_positive_completion() };
        watch.step("greeting", self.server.limits.step, greeting).await?;
        Ok(client)
    }

    async fn authenticate(
        &self,
        watch: &Watch<'_>,
        client: &mut Client,
        path: &Path,
        mut server: EhloResponse<String>,
    ) -> Result<(), Trouble> {
        let Some(Credentials { username, password }) = &self.server.credentials else {
            return Ok(());
        };
        if !path.is_private {
            return Err(Trouble::ours("AUTH: no password is sent over an unencrypted connection"));
        }
        // The library would begin mechanisms that it was built without, and get stuck in them.
        server.auth_mechanisms &= AUTH_PLAIN | AUTH_LOGIN;
        let login = Login::Plain { username: username.as_str(), secret: password.as_str() };
        let limit = self.server.limits.step * 2;
        let authenticated = async { client.authenticate(&login, &server).await.map(|_| ()) };
        watch.step("AUTH", limit, authenticated).await
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        // A name lookup that hangs in its thread must not hold up the end.
        if let Ok(empty) = Builder::new_current_thread().build() {
            std::mem::replace(&mut self.runtime, empty).shutdown_background();
        }
    }
}

impl SmtpSession<'_> {
    /// Sends one message. After a failure of the session's, this one and all later are deferred.
    pub fn send(&mut self, message: &Message) -> Delivery {
        if !is_plain(&message.to) {
            let text = "not offered: the address has characters that SMTP has no place for";
            return Delivery::Rejected { code: BAD_MAILBOX, text: text.to_owned() };
        }
        let limits = self.smtp.server.limits;
        let client = match &mut self.state {
            State::Ready(client) => client,
            State::Over(text) => return Delivery::Deferred { text: text.clone() },
        };
        let watch = Watch { stop: &self.stop, after_stop: limits.stop };
        let sent = self.smtp.runtime.block_on(async {
            let failure = match offer(&watch, client, &limits, message).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let reset = match failure {
                Failure::Letter(_) => watch.step("RSET", limits.step, client.rset()).await,
                Failure::Session(_) => Ok(()),
            };
            Err((failure, reset))
        });
        match sent {
            Ok(()) => Delivery::Delivered,
            Err((Failure::Session(text), _)) => {
                self.state = State::Over(text.clone());
                Delivery::Deferred { text }
            }
            Err((Failure::Letter(delivery), reset)) => {
                if let Err(trouble) = reset {
                    self.state = State::Over(trouble.text);
                }
                delivery
            }
        }
    }

    /// True once the session has broken: nothing more goes through it.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Says QUIT; what the server says to it changes nothing.
    pub fn close(self) {
        let State::Ready(client) = self.state else { return };
        let limit = self.smtp.server.limits.quit;
        let watch = Watch { stop: &self.stop, after_stop: limit };
        let _ = self.smtp.runtime.block_on(watch.step("QUIT", limit, client.quit()));
    }
}

async fn offer(
    watch: &Watch<'_>,
    client: &mut Client,
    limits: &Limits,
    message: &Message,
) -> Result<(), Failure> {
    let none = Parameters::new();
    client.timeout = limits.step;
    let from = client.mail_from(&message.from, &none);
    watch.step("MAIL FROM", limits.step, from).await.map_err(Trouble::of_session)?;
    let to = client.rcpt_to(&message.to, &none);
    watch.step("RCPT TO", limits.step, to).await.map_err(Trouble::of_letter)?;
    client.timeout = limits.content;
    // The library ends the content with a line break of its own.
    let content = message.bytes.strip_suffix(b"\r\n").unwrap_or(&message.bytes);
    let data = client.data(content);
    let sent = watch.step("DATA", limits.step + limits.content, data).await;
    client.timeout = limits.step;
    sent.map(|_| ()).map_err(Trouble::of_letter)
}

/// What the connection tells about itself.
struct Path {
    /// Encrypted, or within the host.
    is_private: bool,
    /// How we call ourselves: a full name, or the address in brackets (RFC 5321, 4.1.4).
    own_name: String,
}

impl Path {
    fn of(stream: &TcpStream, security: SmtpTls) -> Path {
        let own_ip = stream.local_addr().map(|own| own.ip().to_canonical());
        let own_name = match own_ip {
            Ok(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            Ok(IpAddr::V4(ip)) => format!("[{ip}]"),
            Err(_) => "[127.0.0.1]".to_owned(),
        };
        let is_private = stream.peer_addr().is_ok_and(|peer| is_private(security, peer.ip()));
        Path { is_private, own_name }
    }
}

/// True where a password can be said: the line is encrypted, or doesn't leave the host.
fn is_private(security: SmtpTls, peer: IpAddr) -> bool {
    security != SmtpTls::None || peer.to_canonical().is_loopback()
}

trait Boxed {
    fn boxed(self) -> Client;
}

impl<T: Wire + 'static> Boxed for SmtpClient<T> {
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
