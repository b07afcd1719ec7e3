//! What is to be mailed, and the message that it becomes.

use mail_send::mail_builder::MessageBuilder;
use mail_send::mail_builder::headers::address::Address;
use mail_send::mail_builder::headers::content_type::ContentType;
use mail_send::mail_builder::headers::message_id::MessageId;
use mail_send::mail_builder::headers::raw::Raw;
use mail_send::mail_builder::mime::MimePart;

use crate::clock::Timestamp;
use crate::config::EmailFrom;
use crate::domain::{Mail, Outcome};

use super::templates::{Templates, Texts};

/// The longest Message-ID that is taken, in bytes: its header stays one short line.
const MAX_MESSAGE_ID_LEN: usize = 200;
/// So much of a Message-ID's left side goes into names.
const MAX_STEM_ID_LEN: usize = 40;

/// One mail about one order, before it is put in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Made with the mail's row and the same at every attempt; `left@right`, with or
    /// without angle brackets, at most 200 bytes.
    pub message_id: String,
    pub to: String,
    pub order_id: u64,
    pub outcome: Outcome,
    pub ordered_at: Timestamp,
    pub username: String,
}

/// A finished mail: its envelope, and the bytes that travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// A name for files and boundaries out of `[A-Za-z0-9._-]`, the same at every attempt.
    pub stem: String,
    pub from: String,
    pub to: String,
    /// RFC 5322, with CRLF and no line over 998 bytes; ends with a CRLF.
    pub bytes: Vec<u8>,
}

impl Letter {
    pub fn of(mail: &Mail) -> Letter {
        Letter {
            message_id: mail.message_id.0.clone(),
            to: mail.to.as_str().to_owned(),
            order_id: mail.order.id.0,
            outcome: mail.order.outcome,
            ordered_at: mail.order.created_at,
            username: mail.username.clone(),
        }
    }

    /// Puts the letter in words and in its final form. The same letter and templates make
    /// the same bytes: the date is the order's, and the boundary comes from the Message-ID.
    ///
    /// # Errors
    /// One line: a template that can't be rendered with this letter, or a bad Message-ID.
    pub fn write(&self, from: &EmailFrom, templates: &Templates) -> Result<Message, String> {
        let id = self.bare_message_id()?;
        let stem = self.stem(id);
        let texts = templates.render(self)?;
        let date = i64::try_from(self.ordered_at.as_secs()).unwrap_or_default();
        let bytes = MessageBuilder::new()
            .from(Address::new_address(from.name.as_deref(), from.address.as_str()))
            .to(self.to.as_str())
            .subject(texts.subject.as_str())
            .date(date)
            .message_id(MessageId::new(id))
            // Keeps out-of-office replies away (RFC 3834).
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .body(alternatives(&texts, &stem))
            .write_to_vec()
            .map_err(|error| error.to_string())?;
        Ok(Message { stem, from: from.address.clone(), to: self.to.clone(), bytes })
    }

    /// The Message-ID without angle brackets, checked: it is written as it stands.
    fn bare_message_id(&self) -> Result<&str, String> {
        let id = self.message_id.trim_start_matches('<').trim_end_matches('>');
        let harmless = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
        let whole = id.split_once('@').is_some_and(|(left, right)| {
            !left.is_empty() && !right.is_empty() && !right.contains('@')
        });
        if !whole || id.len() > MAX_MESSAGE_ID_LEN || !id.bytes().all(harmless) {
            return Err("the Message-ID is not of the form left@right".to_owned());
        }
        Ok(id)
    }

    fn stem(&self, id: &str) -> String {
        let left = id.split('@').next().unwrap_or_default();
        let safe = |char: char| match char {
            '.' | '_' | '-' => char,
            _ if char.is_ascii_alphanumeric() => char,
            _ => '_',
        };
        let left: String = left.chars().take(MAX_STEM_ID_LEN).map(safe).collect();
        format!("order-{}-{left}", self.order_id)
    }
}

/// The text first: of `multipart/alternative` a reader takes the last part it knows
/// (RFC 2046, 5.1.4).
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

    fn letter() -> Letter {
        Letter {
            message_id: "f00dfeed@example.com".into(),
            to: "ada@example.com".into(),
            order_id: 17,
            outcome: Outcome::Successful,
            ordered_at: Timestamp::from_secs(1_759_816_691),
            username: "Ada <b>".into(),
        }
    }

    fn written(letter: &Letter, from: &str) -> String {
        let from = from.parse().unwrap();
        let templates = Templates::load(None).unwrap();
        String::from_utf8(letter.write(&from, &templates).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_message_has_the_headers_that_it_was_given_and_no_others() {
        let text = written(&letter(), "Orders <orders@example.com>");
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
        let text = written(&letter(), "orders@localhost").replace("=\r\n", "");
        let plain = text.find("Content-Type: text/plain; charset=\"utf-8\"\r\n").unwrap();
        let html = text.find("Content-Type: text/html; charset=\"utf-8\"\r\n").unwrap();
        assert!(plain < html);
        assert!(text[plain..html].contains("Hello Ada <b>,"), "{text}");
        assert!(text[html..].contains("Ada &lt;b&gt;"), "{text}");
        assert!(text[html..].contains("2025-10-07 05:58:11 UTC"));
    }

    #[test]
    fn every_line_ends_in_crlf_and_is_short() {
        let mut letter = letter();
        letter.outcome = Outcome::Failed;
        letter.username = "Åsa".repeat(2000);
        let text = written(&letter, "Ünï <orders@localhost>");
        assert!(text.ends_with("\r\n"));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        assert_eq!(text.matches('\r').count(), text.matches("\r\n").count());
        assert!(text.lines().all(|line| line.len() <= 998));
        assert!(text.contains("Subject: Order Failed\r\n"));
    }

    #[test]
    fn a_repeat_is_the_same_to_the_byte() {
        assert_eq!(written(&letter(), "a@b"), written(&letter(), "a@b"));
    }

    #[test]
    fn a_message_id_that_could_break_out_of_its_header_is_refused() {
        let templates = Templates::load(None).unwrap();
        let from = "a@b".parse().unwrap();
        for wrong in ["", "x", "a@", "@b", "a@b@c", "a@b>\r\nBcc: <c@d", "a b@c"] {
            let letter = Letter { message_id: wrong.into(), ..letter() };
            assert!(letter.write(&from, &templates).is_err(), "{wrong:?}");
        }
        let bracketed = Letter { message_id: "<x/../y@h>".into(), ..letter() };
        assert_eq!(bracketed.write(&from, &templates).unwrap().stem, "order-17-x_.._y");
    }
}
