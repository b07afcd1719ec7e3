//! An open session: many messages, one after the other.

use tokio::runtime::Runtime;

use crate::mail::delivery::Delivery;
use crate::mail::message::Message;

use super::address::is_plain;
use super::dialogue::{Dialogue, Fault};
use super::server::Timeouts;
use super::step::StepRunner;
use super::verdict::{Failure, Stage, judge};

/// "Mailbox name not allowed": the code for an address that we don't even send.
const BAD_MAILBOX: u16 = 553;

/// A session that has been opened, greeted, secured and authenticated.
pub struct SmtpSession<'a> {
    runtime: &'a Runtime,
    timeouts: Timeouts,
    runner: StepRunner,
    state: State,
}

enum State {
    Ready(Dialogue),
    /// Nothing more is sent: what becomes of every message.
    Broken(Delivery),
}

impl<'a> SmtpSession<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        timeouts: Timeouts,
        runner: StepRunner,
        dialogue: Dialogue,
    ) -> SmtpSession<'a> {
        SmtpSession { runtime, timeouts, runner, state: State::Ready(dialogue) }
    }

    /// Sends one message. A failure of the session defers this message and all later ones.
    pub fn send(&mut self, message: &Message) -> Delivery {
        if !is_plain(&message.to) {
            let text = "not offered: the address has characters that SMTP has no place for";
            return Delivery::Rejected { code: BAD_MAILBOX, text: text.to_owned() };
        }
        let dialogue = match &mut self.state {
            State::Ready(dialogue) => dialogue,
            State::Broken(delivery) => return delivery.clone(),
        };
        let (runner, timeouts) = (&self.runner, &self.timeouts);
        let sent = self.runtime.block_on(async {
            let failed = match transmit(runner, dialogue, timeouts, message).await {
                Ok(()) => return (Delivery::Delivered, None),
                Err(Failure::Session(delivery)) => return (delivery.clone(), Some(delivery)),
                Err(Failure::Message(delivery)) => delivery,
            };
            let reset = runner.run("RSET", timeouts.step, dialogue.command("RSET")).await;
            let broken = reset.err().map(|error| Delivery::Deferred { text: error.text });
            (failed, broken)
        });
        let (delivery, broken) = sent;
        if let Some(broken) = broken {
            self.state = State::Broken(broken);
        }
        delivery
    }

    /// True after a failure of the session: nothing more goes through it.
    pub fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken(_))
    }

    /// Says QUIT. The server's reply to it is ignored: every message has its reply already.
    pub fn close(self) {
        let State::Ready(mut dialogue) = self.state else { return };
        let quit = self.runner.run("QUIT", self.timeouts.quit, dialogue.ask("QUIT"));
        let _ = self.runtime.block_on(quit);
    }
}

async fn transmit(
    runner: &StepRunner,
    dialogue: &mut Dialogue,
    timeouts: &Timeouts,
    message: &Message,
) -> Result<(), Failure> {
    let step = timeouts.step;
    let from = format!("MAIL FROM:<{}>", message.from);
    let from = runner.run("MAIL FROM", step, dialogue.command(&from)).await;
    from.map_err(|error| judge(Stage::Session, error))?;
    let to = format!("RCPT TO:<{}>", message.to);
    let to = runner.run("RCPT TO", step, dialogue.command(&to)).await;
    to.map_err(|error| judge(Stage::Recipient, error))?;
    let data = runner.run("DATA", step, begin_content(dialogue)).await;
    data.map_err(|error| judge(Stage::Content, error))?;
    let written = runner.run("DATA", step, dialogue.write_content(&message.bytes)).await;
    written.map_err(|error| judge(Stage::Content, error))?;
    let content = async { dialogue.reply().await?.success() };
    let accepted = runner.run("DATA", timeouts.content, content).await;
    accepted.map(|_| ()).map_err(|error| judge(Stage::Content, error))
}

/// Any other reply than 354 is no leave to write the message, a 250 neither.
async fn begin_content(dialogue: &mut Dialogue) -> Result<(), Fault> {
    match dialogue.ask("DATA").await? {
        reply if reply.code == 354 => Ok(()),
        reply => Err(Fault::Reply(reply)),
    }
}
