//! What a reply to RCPT TO or to a message means for the mail.
//!
//! Servers say 5xx about the sender as well as about the mailbox: `554 5.7.1 Relay access denied`
//! would kill every mail of an outbox. So a mail dies only where the enhanced code (RFC 3463)
//! speaks of the recipient. Without one, a 550 or 553 to RCPT TO may be either, and what the
//! other recipients get tells which.

use crate::mail::delivery::Delivery;

use super::step::StepError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// MAIL FROM, and what comes between two messages.
    Session,
    Recipient,
    /// DATA, and the message itself.
    Content,
}

/// What a failure ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// This message only; the session can carry the next one.
    Message(Delivery),
    Session(Delivery),
}

/// Detail codes of 5.1 (addresses) that speak of the recipient: bad mailbox, bad system, bad
/// syntax, moved, null MX. The others speak of the sender.
const OF_RECIPIENT: [u16; 5] = [1, 2, 3, 6, 10];

pub(super) fn judge(stage: Stage, error: StepError) -> Failure {
    let StepError { text, reply } = error;
    let Some(reply) = reply else { return Failure::Session(Delivery::Deferred { text }) };
    let code = reply.code;
    match (code, stage) {
        // 421 closes the session; the others ask for another login (RFC 4954, 6).
        (421, _) => Failure::Session(Delivery::Deferred { text }),
        (530 | 534 | 535 | 538, _) => Failure::Session(Delivery::Refused { text }),
        (500..=599, Stage::Session) => Failure::Session(Delivery::Refused { text }),
        (500..=599, _) => Failure::Message(match (reply.enhanced, code, stage) {
            (Some([5, 1, detail]), ..) if OF_RECIPIENT.contains(&detail) => {
                Delivery::Rejected { code, text }
            }
            (Some([5, 2, 1]), ..) => Delivery::Rejected { code, text },
            (None, 550 | 553, Stage::Recipient) => Delivery::Unclear { code, text },
            _ => Delivery::Refused { text },
        }),
        (400..=499, Stage::Recipient | Stage::Content) => {
            Failure::Message(Delivery::Deferred { text })
        }
        // A 4xx of the session, and what is no answer to the question.
        _ => Failure::Session(Delivery::Deferred { text }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::{Parsed, Reply};
    use super::*;

    fn judged(stage: Stage, said: &str) -> Failure {
        let Parsed::Whole(reply, _) = Reply::parse(format!("{said}\r\n").as_bytes()) else {
            panic!("{said}")
        };
        judge(stage, StepError { text: said.to_owned(), reply: Some(reply) })
    }

    #[track_caller]
    fn assert_kinds(said: &str, at_recipient: &str, at_content: &str) {
        for (stage, kind) in [(Stage::Recipient, at_recipient), (Stage::Content, at_content)] {
            let failure = format!("{:?}", judged(stage, said));
            assert!(failure.starts_with(kind), "{said} at {stage:?}: {failure}");
        }
    }

    #[test]
    fn only_what_speaks_of_the_recipient_kills_a_mail() {
        for enhanced in ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"] {
            for code in [550, 551, 553, 554] {
                let said = format!("{code} {enhanced} no");
                assert_kinds(&said, "Message(Rejected", "Message(Rejected");
            }
        }
        for said in [
            "554 5.7.1 Relay access denied",
            "550 5.7.1 Not allowed to send as",
            "550 5.4.5 Daily quota exceeded",
            "550 5.1.7 Sender address not verified",
            "553 5.1.8 Sender domain not found",
            "552 5.2.2 Mailbox full",
            "550 5.7.606 Blocklisted",
            "554 Blocked",
            "552 Too much mail",
            "503 5.5.1 Bad sequence",
        ] {
            assert_kinds(said, "Message(Refused", "Message(Refused");
        }
        for said in ["550 No such user, or no relaying", "553 no"] {
            assert_kinds(said, "Message(Unclear", "Message(Refused");
        }
        assert_kinds("452 4.2.2 Full", "Message(Deferred", "Message(Deferred");
        assert_kinds("421 4.3.2 Down", "Session(Deferred", "Session(Deferred");
        assert_kinds("530 5.7.0 Log in", "Session(Refused", "Session(Refused");
        assert_kinds("250 Ok", "Session(Deferred", "Session(Deferred");
    }

    #[test]
    fn a_refused_sender_is_the_sessions_trouble_whatever_the_code_says() {
        for said in ["550 5.1.1 No such user", "553 5.1.8 Sender refused", "550 no"] {
            let failure = judged(Stage::Session, said);
            assert!(matches!(failure, Failure::Session(Delivery::Refused { .. })), "{failure:?}");
        }
    }
}
