//! An open session: many messages, one after the other.

use mail_send::smtp::message::Parameters;
use tokio::runtime::Runtime;

use crate::mail::delivery::Delivery;
use crate::mail::message::Message;
use crate::sys::stop::Stop;

use super::address::is_plain;
use super::connect::Client;
use super::server::Timeouts;
use super::step::{Failure, StepError, StepRunner};

/// "Mailbox name not allowed": the code for an address that we don't even send.
const BAD_MAILBOX: u16 = 553;

/// A session that has been opened, greeted, secured and authenticated.
pub struct SmtpSession<'a> {
    runtime: &'a Runtime,
    timeouts: Timeouts,
    stop: Stop,
    state: State,
}

enum State {
    Ready(Client),
    /// Why nothing more is sent.
    Broken(String),
}

impl<'a> SmtpSession<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        timeouts: Timeouts,
        stop: Stop,
        client: Client,
    ) -> SmtpSession<'a> {
        SmtpSession { runtime, timeouts, stop, state: State::Ready(client) }
    }

    /// Sends one message. A failure of the session defers this message and all later ones.
    pub fn send(&mut self, message: &Message) -> Delivery {
        if !is_plain(&message.to) {
            let text = "not offered: the address has characters that SMTP has no place for";
            return Delivery::Rejected { code: BAD_MAILBOX, text: text.to_owned() };
        }
        let client = match &mut self.state {
            State::Ready(client) => client,
            State::Broken(text) => return Delivery::Deferred { text: text.clone() },
        };
        let timeouts = self.timeouts;
        let runner = StepRunner { stop: &self.stop, after_stop: timeouts.stop };
        let sent = self.runtime.block_on(async {
            let failure = match transmit(&runner, client, &timeouts, message).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let reset = match failure {
                Failure::Message(_) => runner.run("RSET", timeouts.step, client.rset()).await,
                Failure::Session(_) => Ok(()),
            };
            Err((failure, reset))
        });
        match sent {
            Ok(()) => Delivery::Delivered,
            Err((Failure::Session(text), _)) => {
                self.state = State::Broken(text.clone());
                Delivery::Deferred { text }
            }
            Err((Failure::Message(delivery), reset)) => {
                if let Err(error) = reset {
                    self.state = State::Broken(error.text);
                }
                delivery
            }
        }
    }

    /// True after a failure of the session: nothing more goes through it.
    pub fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken(_))
    }

    /// Says QUIT. The server's reply to it is ignored: every message has its reply already.
    pub fn close(self) {
        let State::Ready(client) = self.state else { return };
        let timeout = self.timeouts.quit;
        let runner = StepRunner { stop: &self.stop, after_stop: timeout };
        let _ = self.runtime.block_on(runner.run("QUIT", timeout, client.quit()));
    }
}

async fn transmit(
    runner: &StepRunner<'_>,
    client: &mut Client,
    timeouts: &Timeouts,
    message: &Message,
) -> Result<(), Failure> {
    let none = Parameters::new();
    client.timeout = timeouts.step;
    let from = client.mail_from(&message.from, &none);
    runner.run("MAIL FROM", timeouts.step, from).await.map_err(StepError::of_session)?;
    let to = client.rcpt_to(&message.to, &none);
    runner.run("RCPT TO", timeouts.step, to).await.map_err(StepError::of_message)?;
    client.timeout = timeouts.content;
    // The library ends the content with a line break of its own.
    let content = message.bytes.strip_suffix(b"\r\n").unwrap_or(&message.bytes);
    let data = client.data(content);
    let sent = runner.run("DATA", timeouts.step + timeouts.content, data).await;
    client.timeout = timeouts.step;
    sent.map(|_| ()).map_err(StepError::of_message)
}
