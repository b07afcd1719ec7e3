//! Commands and replies on one connection.

use std::io;

use mail_send::SmtpClient;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::reply::{MAX_LEN, Parsed, Reply};
use super::transcript::Transcript;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// What stops a dialogue.
pub(super) enum Fault {
    Broken(String),
    /// The server said something else than what the next command needs.
    Reply(Reply),
}

/// The replies are read here and not by the library: its reader takes no blank lines, no EHLO
/// answer above 4 KB, and drops what comes behind a reply. The message is written by it.
pub(super) struct Dialogue {
    client: SmtpClient<Box<dyn Stream>>,
    unread: Vec<u8>,
    transcript: Transcript,
}

impl Dialogue {
    pub fn over(stream: Box<dyn Stream>, transcript: Transcript) -> Dialogue {
        // The library's timeout is not used: each step has its own.
        let client = SmtpClient { stream, timeout: std::time::Duration::MAX };
        Dialogue { client, unread: Vec::new(), transcript }
    }

    /// Writes one line, and reads its reply, whatever that is.
    pub async fn ask(&mut self, line: &str) -> Result<Reply, Fault> {
        self.ask_showing(line, line).await
    }

    /// Writes one line that has a secret in it; a transcript gets `shown` instead.
    pub async fn ask_showing(&mut self, line: &str, shown: &str) -> Result<Reply, Fault> {
        self.check_nothing_unread()?;
        self.transcript.we(shown);
        self.client.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.client.stream.flush().await?;
        self.reply().await
    }

    /// Writes one line; any reply but a 2xx is a fault.
    pub async fn command(&mut self, line: &str) -> Result<Reply, Fault> {
        self.ask(line).await?.success()
    }

    /// Writes a message and the dot behind it; the reply comes later.
    pub async fn write_content(&mut self, message: &[u8]) -> Result<(), Fault> {
        self.check_nothing_unread()?;
        self.transcript.note(&format!("{} bytes of mail", message.len()));
        // The library ends the content with a line break of its own.
        let content = message.strip_suffix(b"\r\n").unwrap_or(message);
        Ok(self.client.write_message(content).await?)
    }

    pub async fn reply(&mut self) -> Result<Reply, Fault> {
        loop {
            match Reply::parse(&self.unread) {
                Parsed::Whole(reply, taken) => {
                    self.unread.drain(..taken);
                    self.transcript.they(&reply);
                    return Ok(reply);
                }
                Parsed::Garbage => return Err(Fault::broken("answered what is no reply")),
                Parsed::Partial if self.unread.len() > MAX_LEN => {
                    return Err(Fault::broken("a reply without an end"));
                }
                Parsed::Partial => {}
            }
            if self.client.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(Fault::broken("hung up"));
            }
        }
    }

    /// The connection itself, for TLS to begin on it. What was sent ahead of TLS could be an
    /// attacker's, and must not count as said within it.
    pub fn into_stream(self) -> Result<Box<dyn Stream>, Fault> {
        self.check_nothing_unread()?;
        Ok(self.client.stream)
    }

    /// A reply that nobody asked for would be taken for the next command's, and a message for
    /// accepted that isn't.
    fn check_nothing_unread(&self) -> Result<(), Fault> {
        match self.unread.iter().all(u8::is_ascii_whitespace) {
            true => Ok(()),
            false => Err(Fault::broken(&format!(
                "said without being asked: {}",
                String::from_utf8_lossy(&self.unread)
            ))),
        }
    }
}

impl Reply {
    pub fn success(self) -> Result<Reply, Fault> {
        if self.is_success() { Ok(self) } else { Err(Fault::Reply(self)) }
    }
}

impl Fault {
    pub fn broken(why: &str) -> Fault {
        Fault::Broken(why.to_owned())
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Broken(error.to_string())
    }
}
