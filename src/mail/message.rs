//! What is sent: a mail of the outbox as a finished message (RFC 5322).

use mail_send::mail_builder::MessageBuilder;
use mail_send::mail_builder::headers::address::Address;
use mail_send::mail_builder::headers::content_type::ContentType;
use mail_send::mail_builder::headers::message_id::MessageId;
use mail_send::mail_builder::headers::raw::Raw;
use mail_send::mail_builder::mime::MimePart;

use crate::config::{Config, EmailFrom};
use crate::domain::{EmailAddress, Mail, MailKind, OrderId};

use super::templates::{Templates, Texts};

/// Longest Message-ID that is accepted, in bytes: its header stays one short line.
const MAX_MESSAGE_ID_LEN: usize = 200;
/// Longest part of a Message-ID that goes into a file's name, in characters.
const MAX_STEM_ID_LEN: usize = 40;

/// Why a mail is not sent whose order has lost the customer's address since it was queued. The
/// account of whoever typed the order in is not the customer's.
pub const NO_RECIPIENT: &str = "the order has no email address any more";

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

/// The service's own addresses.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub from: EmailFrom,
    /// Where answers go, if not there.
    pub reply_to: Option<EmailAddress>,
}

impl Addresses {
    pub fn of(config: &Config) -> Addresses {
        Addresses { from: config.email_from.clone(), reply_to: config.email_reply_to.clone() }
    }

    /// A customer answers to the shop, and the shop to the customer.
    fn reply_to<'a>(&'a self, mail: &'a Mail) -> Option<&'a EmailAddress> {
        match mail.kind {
            MailKind::Notify => mail.customer.as_ref(),
            MailKind::Placed | MailKind::Ready | MailKind::Canceled => self.reply_to.as_ref(),
        }
    }
}

impl Message {
    /// Renders the mail. The same mail and templates make the same bytes, as long as its order
    /// doesn't change: the date is when it was queued, and the boundary comes from the Message-ID.
    ///
    /// # Errors
    /// One line: a template that can't be rendered with this mail, a bad Message-ID, or nobody to
    /// send it to.
    pub fn compose(
        mail: &Mail,
        addresses: &Addresses,
        templates: &Templates,
    ) -> Result<Message, String> {
        let to = mail.to.as_ref().ok_or(NO_RECIPIENT)?;
        let id = bare_message_id(&mail.message_id.0)?;
        let stem = stem(mail.order.id, id);
        let texts = templates.render(mail)?;
        let date = i64::try_from(mail.queued_at.as_secs()).unwrap_or_default();
        let from = &addresses.from;
        let mut head = MessageBuilder::new();
        if let Some(reply_to) = addresses.reply_to(mail) {
            head = head.reply_to(reply_to.as_str());
        }
        let bytes = head
            .from(Address::new_address(from.name.as_deref(), from.address.as_str()))
            .to(to.as_str())
            .subject(texts.subject.as_str())
            .date(date)
            .message_id(MessageId::new(id))
            // Keeps out-of-office replies away (RFC 3834).
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .body(alternatives(&texts, &stem))
            .write_to_vec()
            .map_err(|error| error.to_string())?;
        Ok(Message { stem, from: from.address.clone(), to: to.as_str().to_owned(), bytes })
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
    use crate::domain;
    use crate::mail::Shop;

    fn mail(kind: &str) -> Mail {
        let mut mail = Templates::sample(kind).unwrap();
        mail.message_id = domain::MessageId("f00dfeed@example.com".into());
        mail.queued_at = Timestamp::from_secs(1_759_816_691);
        mail.username = "Ada <b>".into();
        mail
    }

    fn with_id(message_id: &str) -> Mail {
        let message_id = domain::MessageId(message_id.into());
        Mail { message_id, ..mail("order_success") }
    }

    fn addresses(from: &str) -> Addresses {
        let reply_to = EmailAddress::parse("hello@shop.example").ok();
        Addresses { from: from.parse().unwrap(), reply_to }
    }

    fn templates() -> Templates {
        Templates::load(None, Shop::default()).unwrap()
    }

    fn composed(mail: &Mail, from: &str) -> String {
        let message = Message::compose(mail, &addresses(from), &templates()).unwrap();
        String::from_utf8(message.bytes).unwrap()
    }

    /// The value of a header.
    fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[test]
    fn a_message_has_the_headers_that_it_was_given_and_no_others() {
        let text = composed(&mail("order_success"), "Orders <orders@example.com>");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: \"Orders\" <orders@example.com>",
            "To: <ada@example.com>",
            "Subject: Order Successful",
            "Reply-To: <hello@shop.example>",
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
        let text = composed(&mail("order_success"), "orders@localhost").replace("=\r\n", "");
        let plain = text.find("Content-Type: text/plain; charset=\"utf-8\"\r\n").unwrap();
        let html = text.find("Content-Type: text/html; charset=\"utf-8\"\r\n").unwrap();
        assert!(plain < html);
        assert!(text[plain..html].contains("Hello Ada <b>,"), "{text}");
        assert!(text[html..].contains("Ada &lt;b&gt;"), "{text}");
        assert!(text[html..].contains("2026-11-22 16:07:44 UTC"));
    }

    #[test]
    fn every_line_ends_in_crlf_and_is_short() {
        let mut mail = mail("order_failed");
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
        for kind in MailKind::NAMES {
            assert_eq!(composed(&mail(kind), "a@b"), composed(&mail(kind), "a@b"));
        }
    }

    #[test]
    fn a_message_id_that_could_break_out_of_its_header_is_refused() {
        let (templates, addresses) = (templates(), addresses("a@b"));
        for wrong in ["", "x", "a@", "@b", "a@b@c", "a@b>\r\nBcc: <c@d", "a b@c"] {
            assert!(
                Message::compose(&with_id(wrong), &addresses, &templates).is_err(),
                "{wrong:?}"
            );
        }
        let bracketed = with_id("<x/../y@h>");
        let message = Message::compose(&bracketed, &addresses, &templates).unwrap();
        assert_eq!(message.stem, "order-17-x_.._y");
    }

    #[test]
    fn a_customer_answers_to_the_shop_and_the_shop_to_the_customer() {
        let reply_to = |mail: &Mail| {
            let text = composed(mail, "a@b");
            header(&text, "Reply-To").map(str::to_owned)
        };
        for kind in MailKind::NAMES.into_iter().filter(|kind| *kind != "notify") {
            assert_eq!(reply_to(&mail(kind)).as_deref(), Some("<hello@shop.example>"), "{kind}");
        }
        assert_eq!(reply_to(&mail("notify")).as_deref(), Some("<ada@example.com>"));
        assert_eq!(reply_to(&Mail { customer: None, ..mail("notify") }), None);
    }

    #[test]
    fn two_mails_of_one_order_are_two_files() {
        let stem =
            |mail: &Mail| Message::compose(mail, &addresses("a@b"), &templates()).unwrap().stem;
        let id = |id: &str| domain::MessageId(id.into());
        let placed = Mail { message_id: id("aaaa@example.com"), ..mail("order_placed") };
        let ready = Mail { message_id: id("bbbb@example.com"), ..mail("order_ready") };
        assert_eq!([stem(&placed), stem(&ready)], ["order-17-aaaa", "order-17-bbbb"]);
    }

    #[test]
    fn a_mail_to_nobody_is_no_message() {
        let nobody = Mail { to: None, ..mail("order_ready") };
        let refused = Message::compose(&nobody, &addresses("a@b"), &templates());
        assert_eq!(refused.unwrap_err(), NO_RECIPIENT);
    }

    #[test]
    fn a_name_in_a_subject_makes_no_header() {
        let name = "Bäckerei \u{5d0}\u{5d1} 𝕏🍕 \"<b>\" & Söhne".to_owned();
        let templates = Templates::load(None, Shop { name, ..Shop::default() }).unwrap();
        let message =
            Message::compose(&mail("order_placed"), &addresses("a@b"), &templates).unwrap();
        let text = String::from_utf8(message.bytes).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.is_ascii() && head.lines().all(|line| line.len() < 100), "{head}");
        assert_eq!(head.matches("\r\nSubject: =?utf-8?").count(), 1, "{head}");
    }
}
