//! One step of an SMTP session: its timeout, and what its failure means.

use std::pin::pin;
use std::time::Duration;

use smtp_proto::Response;

use crate::mail::delivery::{Delivery, short_reason};
use crate::sys::stop::Stop;

/// How often a running step checks the stop flag.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Runs steps, each within its timeout, and cuts them short after a stop.
pub(super) struct StepRunner<'a> {
    pub stop: &'a Stop,
    /// What a running step may still take after a stop.
    pub after_stop: Duration,
}

/// Why a step failed.
pub(super) struct StepError {
    pub text: String,
    /// The server's reply code, if it was a reply that failed the step.
    code: Option<u16>,
}

/// What a failure ends.
pub(super) enum Failure {
    /// This message only; the session can carry the next one.
    Message(Delivery),
    Session(String),
}

impl StepRunner<'_> {
    pub async fn run<T>(
        &self,
        name: &str,
        timeout: Duration,
        step: impl Future<Output = mail_send::Result<T>>,
    ) -> Result<T, StepError> {
        let mut step = pin!(step);
        let mut left = timeout;
        let mut stopping = false;
        while !left.is_zero() {
            let slice = left.min(STOP_CHECK_INTERVAL);
            if let Ok(done) = tokio::time::timeout(slice, step.as_mut()).await {
                return done.map_err(|error| StepError::at(name, error));
            }
            left -= slice;
            if !stopping && self.stop.is_set() {
                stopping = true;
                left = left.min(self.after_stop);
            }
        }
        let why = if stopping { "stopped" } else { "no answer in time" };
        Err(StepError { text: format!("{name}: {why}"), code: None })
    }
}

impl StepError {
    /// A step that we don't take.
    pub fn ours(text: &str) -> StepError {
        StepError { text: text.to_owned(), code: None }
    }

    fn at(step: &str, error: mail_send::Error) -> StepError {
        use mail_send::Error;
        let (text, code) = match &error {
            Error::UnexpectedReply(reply) | Error::AuthenticationFailed(reply) => {
                (reply_text(reply), Some(reply.code))
            }
            Error::UnparseableReply => ("hung up, or answered what is no reply".to_owned(), None),
            Error::Timeout => ("no answer in time".to_owned(), None),
            _ => (error.to_string(), None),
        };
        StepError { text: short_reason(&format!("{step}: {text}")), code }
    }

    pub fn of_session(self) -> Failure {
        Failure::Session(self.text)
    }

    /// A refused recipient or content fails the message. 421 closes the session, and the
    /// codes that ask for another login are about us, not the message (RFC 4954, 6).
    pub fn of_message(self) -> Failure {
        match self.code {
            None | Some(421 | 530 | 534 | 535 | 538) => Failure::Session(self.text),
            Some(code @ 500..=599) => {
                Failure::Message(Delivery::Rejected { code, text: self.text })
            }
            Some(400..=499) => Failure::Message(Delivery::Deferred { text: self.text }),
            Some(_) => Failure::Session(self.text),
        }
    }
}

fn reply_text(reply: &Response<String>) -> String {
    match reply.esc {
        [0, _, _] => format!("{} {}", reply.code, reply.message),
        [class, subject, detail] => {
            format!("{} {class}.{subject}.{detail} {}", reply.code, reply.message)
        }
    }
}
