//! What is sent: a mail of the outbox as a finished message (RFC 5322).

use mail_send::mail_builder::MessageBuilder;
use mail_send::mail_builder::headers::address::Address;
use mail_send::mail_builder::headers::content_type::ContentType;
use mail_send::mail_builder::headers::message_id::MessageId;
use mail_send::mail_builder::headers::raw::Raw;
use mail_send::mail_builder::mime::MimePart;

use crate::config::EmailFrom;
use crate::domain::{Mail, OrderId};

use super::templates::{Templates, Texts};

/// Longest Message-ID that is accepted, in bytes: its header stays one short line.
const MAX_MESSAGE_ID_LEN: usize = 200;
/// Longest part of a Message-ID that goes into a file's name, in characters.
const MAX_STEM_ID_LEN: usize = 40;

/// A finished message: its envelope, and the bytes that are transmitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The base of file names and MIME boundaries: only `[A-Za-z0-9._-]`, the same at every
    /// attempt.
    pub stem: String,
    pub from: String,
    pub to: String,
    /// RFC 5322, with CRLF and no line over 998 bytes; ends with a CRLF.
    pub bytes: Vec<u8>,
}

impl Message {
    /// Renders the mail. The same mail and templates make the same bytes: the date is the
    /// order's, and the boundary comes from the Message-ID.
    ///
    /// # Errors
    /// One line: a template that can't be rendered with this mail, or a bad Message-ID.
    pub fn compose(
        mail: &Mail,
        from: &EmailFrom,
        templates: &Templates,
    ) -> Result<Message, String> {
        let id = bare_message_id(&mail.message_id.0)?;
        let stem = stem(mail.order.id, id);
        let texts = templates.render(&mail.order, &mail.username)?;
        let date = i64::try_from(mail.order.created_at.as_secs()).unwrap_or_default();
        let bytes = MessageBuilder::new()
            .from(Address::new_address(from.name.as_deref(), from.address.as_str()))
            .to(mail.to.as_str())
            .subject(texts.subject.as_str())
            .date(date)
            .message_id(MessageId::new(id))
            // Keeps out-of-office replies away (RFC 3834).
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .body(alternatives(&texts, &stem))
            .write_to_vec()
            .map_err(|error| error.to_string())?;
        let to = mail.to.as_str().to_owned();
        Ok(Message { stem, from: from.address.clone(), to, bytes })
    }
}

/// The Message-ID without angle brackets. It is checked, because the builder writes it into
/// the header without a look.
fn bare_message_id(id: &str) -> Result<&str, String> {
    let id = id.trim_start_matches('<').trim_end_matches('>');
    let harmless = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
    let whole = id
        .split_once('@')
        .is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'));
    if !whole || id.len() > MAX_MESSAGE_ID_LEN || !id.bytes().all(harmless) {
        return Err("the Message-ID is not of the form left@right".to_owned());
    }
    Ok(id)
}

fn stem(order: OrderId, message_id: &str) -> String {
    let left = message_id.split('@').next().unwrap_or_default();
    let safe = |char: char| match char {
        '.' | '_' | '-' => char,
        _ if char.is_ascii_alphanumeric() => char,
        _ => '_',
    };
    let left: String = left.chars().take(MAX_STEM_ID_LEN).map(safe).collect();
    format!("order-{order}-{left}")
}

/// The plain text first: a reader shows the last part of `multipart/alternative` that it
/// understands (RFC 2046, 5.1.4).
fn alternatives<'x>(texts: &'x Texts, stem: &str) -> MimePart<'x> {
    // Quoted-printable never writes `=_`, so that the boundary can't occur in a part.
    let kind = ContentType::new("multipart/alternative").attribute("boundary", format!("=_{stem}"));
    MimePart::new(
        kind,
        vec![
            MimePart::new("text/plain", texts.text.as_str()),
            MimePart::new("text/html", texts.html.as_str()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::{self, EmailAddress, MailId, MailState, Order, Outcome, UserId};

    fn mail() -> Mail {
        Mail {
            id: MailId(17),
            message_id: domain::MessageId("f00dfeed@example.com".into()),
            order: Order {
                id: OrderId(17),
                user: UserId(1),
                created_at: Timestamp::from_secs(1_759_816_691),
                body: domain::order::OrderBody::Simple(Outcome::Successful),
            },
            kind: domain::MailKind::Placed,
            queued_at: Timestamp::from_secs(1_759_816_691),
            username: "Ada <b>".into(),
            to: EmailAddress::parse("ada@example.com").unwrap(),
            attempts: 0,
            first_tried: None,
            last_error: None,
            state: MailState::Pending { due: Timestamp::EPOCH },
        }
    }

    fn with_id(message_id: &str) -> Mail {
        Mail { message_id: domain::MessageId(message_id.into()), ..mail() }
    }

    fn composed(mail: &Mail, from: &str) -> String {
        let from = from.parse().unwrap();
        let templates = Templates::load(None).unwrap();
        String::from_utf8(Message::compose(mail, &from, &templates).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_message_has_the_headers_that_it_was_given_and_no_others() {
        let text = composed(&mail(), "Orders <orders@example.com>");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: \"Orders\" <orders@example.com>",
            "To: <ada@example.com>",
            "Subject: Order Successful",
            "Date: Tue, 7 Oct 2025 05:58:11 +0000",
            "Message-ID: <f00dfeed@example.com>",
            "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(head.lines().any(|it| it == line), "{line} in {head}");
        }
        assert_eq!(head.matches("Message-ID").count(), 1);
        assert_eq!(head.matches("Date:").count(), 1);
    }

    #[test]
    fn the_text_comes_before_the_html_and_only_the_html_is_escaped() {
        // Quoted-printable's soft line breaks taken out.
        let text = composed(&mail(), "orders@localhost").replace("=\r\n", "");
        let plain = text.find("Content-Type: text/plain; charset=\"utf-8\"\r\n").unwrap();
        let html = text.find("Content-Type: text/html; charset=\"utf-8\"\r\n").unwrap();
        assert!(plain < html);
        assert!(text[plain..html].contains("Hello Ada <b>,"), "{text}");
        assert!(text[html..].contains("Ada &lt;b&gt;"), "{text}");
        assert!(text[html..].contains("2025-10-07 05:58:11 UTC"));
    }

    #[test]
    fn every_line_ends_in_crlf_and_is_short() {
        let mut mail = mail();
        mail.order.body = domain::order::OrderBody::Simple(Outcome::Failed);
        mail.username = "Åsa".repeat(2000);
        let text = composed(&mail, "Ünï <orders@localhost>");
        assert!(text.ends_with("\r\n"));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        assert_eq!(text.matches('\r').count(), text.matches("\r\n").count());
        assert!(text.lines().all(|line| line.len() <= 998));
        assert!(text.contains("Subject: Order Failed\r\n"));
    }

    #[test]
    fn a_repeat_is_the_same_to_the_byte() {
        assert_eq!(composed(&mail(), "a@b"), composed(&mail(), "a@b"));
    }

    #[test]
    fn a_message_id_that_could_break_out_of_its_header_is_refused() {
        let templates = Templates::load(None).unwrap();
        let from = "a@b".parse().unwrap();
        for wrong in ["", "x", "a@", "@b", "a@b@c", "a@b>\r\nBcc: <c@d", "a b@c"] {
            assert!(Message::compose(&with_id(wrong), &from, &templates).is_err(), "{wrong:?}");
        }
        let bracketed = with_id("<x/../y@h>");
        let message = Message::compose(&bracketed, &from, &templates).unwrap();
        assert_eq!(message.stem, "order-17-x_.._y");
    }
}
