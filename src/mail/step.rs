//! One step of an SMTP session: its limit, and whom its failure is about.

use std::pin::pin;
use std::time::Duration;

use smtp_proto::Response;

use super::transport::{Delivery, reason};
use crate::sys::stop::Stop;

/// How often a step under way looks for the stop flag.
const GLANCE: Duration = Duration::from_millis(50);
/// Runs steps, each within its limit, and looks for the stop flag meanwhile.
pub(super) struct Watch<'a> {
    pub stop: &'a Stop,
    /// What is left to a step once the flag is seen.
    pub after_stop: Duration,
}

/// A step that failed.
pub(super) struct Trouble {
    pub text: String,
    /// The server's reply code, where it was a reply that failed it.
    code: Option<u16>,
}

/// Whom a failure is about.
pub(super) enum Failure {
    Letter(Delivery),
    Session(String),
}

impl Watch<'_> {
    pub async fn step<T>(
        &self,
        name: &str,
        limit: Duration,
        work: impl Future<Output = mail_send::Result<T>>,
    ) -> Result<T, Trouble> {
        let mut work = pin!(work);
        let mut left = limit;
        let mut stopping = false;
        while !left.is_zero() {
            let slice = left.min(GLANCE);
            if let Ok(done) = tokio::time::timeout(slice, work.as_mut()).await {
                return done.map_err(|error| Trouble::at(name, error));
            }
            left -= slice;
            if !stopping && self.stop.is_set() {
                stopping = true;
                left = left.min(self.after_stop);
            }
        }
        let why = if stopping { "stopped" } else { "no answer in time" };
        Err(Trouble { text: format!("{name}: {why}"), code: None })
    }
}

impl Trouble {
    pub fn ours(text: &str) -> Trouble {
        Trouble { text: text.to_owned(), code: None }
    }

    fn at(step: &str, error: mail_send::Error) -> Trouble {
        use mail_send::Error;
        let (text, code) = match &error {
            Error::UnexpectedReply(reply) | Error::AuthenticationFailed(reply) => {
                (reply_text(reply), Some(reply.code))
            }
            Error::UnparseableReply => ("hung up, or answered what is no reply".to_owned(), None),
            Error::Timeout => ("no answer in time".to_owned(), None),
            _ => (error.to_string(), None),
        };
        Trouble { text: reason(&format!("{step}: {text}")), code }
    }

    pub fn of_session(self) -> Failure {
        Failure::Session(self.text)
    }

    /// A refused recipient or content is the letter's; 421 ends the session, and what asks
    /// for another login is about us (RFC 4954, 6).
    pub fn of_letter(self) -> Failure {
        match self.code {
            None | Some(421 | 530 | 534 | 535 | 538) => Failure::Session(self.text),
            Some(code @ 500..=599) => Failure::Letter(Delivery::Rejected { code, text: self.text }),
            Some(400..=499) => Failure::Letter(Delivery::Deferred { text: self.text }),
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
